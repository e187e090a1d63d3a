"""From definitions to actions: which components, wheels, payloads and packages an app takes."""
