// Loads a plugin as the client does, calls its hooks as a script says, and prints what came of it.
// A step with `exec` runs a command in between.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const [file, script] = process.argv.slice(2);
const told = [];
let counted = {}; // what the client has counted; a step with `counted` sets it, null refuses
const client = {
  session: {
    get: async ({ path }) => {
      if (counted === null) throw new Error("the client does not answer");
      return { data: { id: path.id, parentID: path.id === "kid" ? "s" : undefined, ...counted } };
    },
  },
};
const plugin = (await import(file)).default;
const hooks = await plugin.server({ client, directory: "/work" });
for (const step of JSON.parse(readFileSync(script, "utf8"))) {
  const one = async () => {
    const { hook, input, output } = step;
    try {
      await hooks[hook](input, output);
      return { output };
    } catch (error) {
      return { thrown: error.message, output };
    }
  };
  if (step.exec) execFileSync(step.exec[0], step.exec.slice(1));
  else if ("counted" in step) counted = step.counted;
  else if (step.unawaited) one();
  else told.push(await one());
}
process.stdout.write(JSON.stringify({ id: plugin.id, hooks: Object.keys(hooks), told }));
