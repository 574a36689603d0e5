// Reads texts as a JSON array and writes the trees that discord-markdown-parser makes of them, in a plain form:
// strings are text, other nodes are [name, detail, children].
const { parse } = require("discord-markdown-parser");

const STYLES = { strong: "bold", em: "italic", underline: "underline", strikethrough: "strikethrough", spoiler: "spoiler" };

function node(one) {
  const children = () => nodes(one.content);
  switch (one.type) {
    case "text":
      return one.content;
    case "twemoji":
      return one.name;
    case "br":
    case "newline":
      return "\n";
    case "inlineCode":
      return ["code", one.content, []];
    case "codeBlock":
      return ["block", `${one.lang}\n${one.content}`, []];
    case "link":
    case "url":
    case "autolink": {
      const bare = one.content.length === 1 && one.content[0].content === one.target;
      return ["link", `${one.target}\n${one.title ?? ""}`, bare ? [] : children()];
    }
    case "blockQuote":
      return ["quote", "", children()];
    case "heading":
      return ["heading", String(one.level), children()];
    case "subtext":
      return ["subtext", "", children()];
    case "user":
      return ["user", "", []];
    case "channel":
    case "role":
      return [one.type, one.id, []];
    case "emoji":
      return ["emoji", `${one.animated ? "a" : ""}:${one.name}:${one.id}`, []];
    case "timestamp":
      return ["time", `${one.timestamp}:${one.format ?? "f"}`, []];
    case "slashCommand":
      return ["command", one.fullName, []];
    case "everyone":
    case "here":
      return [one.type, "", []];
    default:
      if (STYLES[one.type]) return ["style", STYLES[one.type], children()];
      return ["unknown", one.type, []];
  }
}

// A character of two units can come in two texts; JSON can only say them joined.
function nodes(list) {
  const joined = [];
  for (const one of list.map(node)) {
    const last = joined.length - 1;
    if (typeof one === "string" && typeof joined[last] === "string") joined[last] += one;
    else joined.push(one);
  }
  return joined;
}

let input = "";
process.stdin.on("data", (chunk) => (input += chunk));
process.stdin.on("end", () => {
  const trees = JSON.parse(input).map((text) => nodes(parse(text, "extended")));
  process.stdout.write(JSON.stringify(trees));
});
