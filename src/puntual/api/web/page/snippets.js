// The request that was made, as others would write it; the key itself is never shown.

const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export const curlOf = (origin, request, hasKey) =>
  [`curl ${origin}/predict`, `-H 'Content-Type: application/json'`, ...(hasKey ? [`-H "X-API-Key: $PUNTUAL_KEY"`] : []),
    `-d ${shell(JSON.stringify(request))}`].join(" \\\n  ");

export const pythonOf = (origin, request, hasKey) => `${hasKey ? "import os\n\n" : ""}import httpx

answer = httpx.post(
    ${JSON.stringify(`${origin}/predict`)},
    json=${python(request)},${hasKey ? '\n    headers={"X-API-Key": os.environ["PUNTUAL_KEY"]},' : ""}
)
print(answer.raise_for_status().json()["predictions"][0]["late_probability"])
`;

function python(value) {
  if (value === true) return "True";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${python(one)}`).join(", ")}}`;
  }
  return JSON.stringify(value);
}
