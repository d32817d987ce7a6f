// Tables as text, after RFC 4180.

export function parseCsv(text) {
  const rows = [[]];
  let cell = "";
  let quoted = false;
  const endCell = () => {
    rows.at(-1).push(cell);
    cell = "";
  };
  for (let place = 0; place < text.length; place++) {
    const sign = text[place];
    if (quoted && sign === '"' && text[place + 1] === '"') cell += text[++place];
    else if (sign === '"' && (quoted || !cell)) quoted = !quoted;
    else if (!quoted && sign === ",") endCell();
    else if (!quoted && sign === "\n") {
      endCell();
      rows.push([]);
    } else if (quoted || sign !== "\r") cell += sign;
  }
  endCell();
  return rows.filter((row) => row.some(Boolean));
}

export const writeCsv = (rows) => rows.map((row) => row.map(quote).join(",")).join("\r\n") + "\r\n";

const quote = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
