/** `berth kick`: ends a device's connection. */
import type { Command } from "commander";
import { post } from "../client/rest.ts";
import type { Platform } from "../platform/port.ts";
import { addGatewayOptions, EXIT, fail, type Verb } from "./verb.ts";

const HELP = `
What the device has sent and was not answered is refused, so that it sends it again. It may connect again at once.

  berth kick 356307042441013
`;

async function kick(platform: Platform, id: string, url: string, token?: string): Promise<number> {
  const answer = await post(url, `/v1/devices/${encodeURIComponent(id)}/kick`, null, undefined, token);
  if (!answer.ok) return fail(platform, answer.message);
  await answer.value.body?.cancel();
  return EXIT.done;
}

export const addKick: Verb = (program, platform, end) => {
  const command: Command = program
    .command("kick")
    .description("end the connection of a device")
    .argument("<ID>", "the device")
    .addHelpText("after", HELP);
  addGatewayOptions(command).action(async (id: string, options: { readonly url: string; readonly token?: string }) => {
    end(await kick(platform, id, options.url, options.token));
  });
};
