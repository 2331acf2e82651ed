// Lighthouse's scores of the pages that people use most, on a running demonstration: node measure.js [ADDRESS]
import { launch } from "chrome-launcher";
import lighthouse, { desktopConfig } from "lighthouse";

const TARGET = 95;
const CATEGORIES = ["performance", "accessibility", "best-practices"];
const ADDRESS = process.argv[2] ?? "http://localhost:8000";
const WHO = { login: "owner@sakura.example", password: "demonstration" };
const PRESETS = { mobile: undefined, desktop: desktopConfig };
const SHOWN_FAULTS = 8;

class Visitor {
  cookies = new Map();

  async ask(path, options = {}) {
    const headers = { Cookie: this.cookie(), Referer: ADDRESS, ...options.headers };
    const answer = await fetch(new URL(path, ADDRESS), { redirect: "manual", ...options, headers });
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      this.cookies.set(name, value);
    }
    return answer;
  }

  cookie() {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  async post(page, action, fields) {
    const [, token] = /name="csrfmiddlewaretoken" value="(\w+)"/.exec(await (await this.ask(page)).text());
    const body = new URLSearchParams([["csrfmiddlewaretoken", token], ...fields]);
    return this.ask(action, { method: "POST", body });
  }
}

async function pages(visitor) {
  const list = "/f/sakura/studies/";
  const [, study] = /href="(\/f\/sakura\/studies\/\d+\/)"/.exec(await (await visitor.ask(list)).text());
  await visitor.post(list, "/f/sakura/orders/new/choose", [["chosen", study.match(/\d+/g).at(-1)]]);
  return { "dashboard": "/f/sakura/", "study list": list, study, "order form": "/f/sakura/orders/new", plan: "/f/sakura/plan/" };
}

function faults(report) {
  const audits = CATEGORIES.flatMap((name) => report.categories[name].auditRefs).filter((each) => each.weight);
  const found = audits.map((each) => report.audits[each.id]).filter((audit) => audit.score !== null && audit.score < 0.9);
  return found.map((audit) => `${audit.id} ${audit.displayValue ?? ""}`.trim()).slice(0, SHOWN_FAULTS);
}

const visitor = new Visitor();
const entered = await visitor.post("/accounts/login/", "/accounts/login/", Object.entries(WHO));
if (entered.status !== 302) throw new Error(`Nobody could sign in at ${ADDRESS}: is the demonstration running?`);
const chrome = await launch({ chromeFlags: ["--headless=new", "--no-sandbox"] });
let isBelow = false;
try {
  for (const [preset, config] of Object.entries(PRESETS)) {
    for (const [name, path] of Object.entries(await pages(visitor))) {
      const options = { port: chrome.port, onlyCategories: CATEGORIES, extraHeaders: { Cookie: visitor.cookie() } };
      const { lhr } = await lighthouse(new URL(path, ADDRESS).href, options, config);
      const scores = CATEGORIES.map((category) => Math.round(lhr.categories[category].score * 100));
      isBelow ||= scores.some((score) => score < TARGET);
      const told = CATEGORIES.map((category, at) => `${category} ${scores[at]}`).join(", ");
      console.log(`${preset.padEnd(8)}${name.padEnd(12)}${told}  ${faults(lhr).join("; ")}`);
    }
  }
} finally {
  await chrome.kill();
}
process.exit(isBelow ? 1 : 0);
