"""A job of a timer: it says where it is, and leaves a file in the app's state."""

import os
import pwd

print("tick of", pwd.getpwuid(os.getuid()).pw_name, "in mode", os.environ["MODE"])
with open(os.path.join(os.environ["SOLO_STATE"], "ticks"), "a") as file:
    file.write("tick\n")
