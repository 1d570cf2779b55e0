/** Which Berth this is. The build replaces BERTH_VERSION by the version in package.json; from sources there is none. */
declare const BERTH_VERSION: string | undefined;

export const VERSION: string = typeof BERTH_VERSION === "string" ? BERTH_VERSION : "source";
