import { useEffect, useState } from "react";

interface Lamp {
  name: string;
  lit: boolean;
}

export function App() {
  const [lamps, setLamps] = useState<Lamp[]>([]);
  useEffect(() => {
    void fetch("/api/lamps")
      .then((response) => response.json() as Promise<Lamp[]>)
      .then(setLamps);
  }, []);
  return (
    <main className="mx-auto max-w-prose underline">
      <h1>Panel 1</h1>
      <ul>
        {lamps.map((lamp) => (
          <li key={lamp.name}>
            {lamp.name}: {lamp.lit ? "on" : "off"}
          </li>
        ))}
      </ul>
    </main>
  );
}
