// Secrets of the hostile bundle, made up: a password, two that stand in logs, and one in a Secret. Quotes and signs of URLs are in them
// because an escaped secret is a secret too.
export const SECRETS = [
  "Planted-1!q\"w&e<r>t/y+u",
  "planted2Zx8Kq4Vn7Lm3",
  "planted3Hc6Tp9Rb2Wd5Yf8Jk",
  "Planted 4 'k' \\ m&n",
];

// Each secret as it is and in every encoding in which a page could carry it.
export const forms = SECRETS.flatMap((secret) => [
  secret,
  Buffer.from(secret).toString("base64"),
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
  secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\"", "&quot;").replaceAll("'", "&#x27;"),
]);
