// The report of a training, which opens as a page of its own; where a key is needed it is fetched, and kept as a file.

import { call, key } from "./service.js";

export const reportAddress = (version) => `/models/${version}/report`;

export async function openReport(event, version, shell) {
  if (!key()) return;
  event.preventDefault();
  try {
    const file = await (await call(reportAddress(version))).blob();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `puntual-report-${version}.html`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } catch (error) {
    shell.fail(error);
  }
}
