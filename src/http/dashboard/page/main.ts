/** The page's entry: what the browser runs. */
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { Page } from "./page.ts";
import { signIn } from "./sign_in.ts";

await signIn();
new Page().start();
