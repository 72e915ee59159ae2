// Programs that use the official JavaScript client as its users do, one a scenario:
// node client.mjs BASE_URL SCENARIO [JSON...] prints what they saw as JSON.
import { readFile } from "node:fs/promises";
import Replicate from "replicate";

const [baseUrl, scenario, ...texts] = process.argv.slice(2);
const replicate = new Replicate({ baseUrl });
const model = "meta/sam-2-video";
const version =
  "33432afdfc06a10da6b4018932893d39b0159f838b6d11dd1236dff85cc5ec1d";

const scenarios = {
  async run(ref, input) {
    return (await replicate.run(ref, { input })).map(String);
  },

  async runWithBuffer(path, input) {
    const input_video = await readFile(path);
    const output = await replicate.run(model, { input: { ...input, input_video } });
    return output.map(String);
  },

  async runWithBlob(path, input) {
    const input_video = new Blob([await readFile(path)], { type: "video/mp4" });
    const output = await replicate.run(model, { input: { ...input, input_video } });
    return output.map(String);
  },

  // Progress as an application shows it, read from the log.
  async progress(input) {
    const seen = [];
    const output = await replicate.run(
      model,
      { input, wait: { mode: "poll", interval: 100 } },
      (prediction) => {
        const all = [...(prediction.logs ?? "").matchAll(/\s(\d+)%\|/g)];
        if (all.length > 0) seen.push(Number(all.at(-1)[1]));
      },
    );
    return { seen, count: output.length };
  },

  // The worker does something else until the wait for this prediction has run out.
  async blocked(input, timeout, blocker) {
    const statuses = [];
    let freed;
    const output = await replicate.run(
      `${model}:${version}`,
      { input, wait: { mode: "block", timeout } },
      (prediction) => {
        statuses.push(prediction.status);
        freed ??= replicate.predictions.cancel(blocker);
      },
    );
    await freed;
    return { statuses, count: output.length };
  },

  async read(input) {
    const [first] = await replicate.run(`${model}:${version}`, { input });
    const blob = await first.blob();
    return {
      url: first.url().href,
      type: blob.type,
      size: blob.size,
      start: [...new Uint8Array(await blob.arrayBuffer())].slice(0, 12),
    };
  },

  async lifecycle(input) {
    const created = await replicate.predictions.create({ version, input });
    const waited = await replicate.wait(created, { interval: 100 });
    const again = await replicate.predictions.get(created.id);
    const pages = [];
    for await (const page of replicate.paginate(replicate.predictions.list)) {
      pages.push(page.length);
    }
    return { created, waited, again, pages };
  },

  async cancel(input) {
    const created = await replicate.predictions.create({ model, input });
    const canceled = await replicate.predictions.cancel(created.id);
    return { created, canceled };
  },

  async abort(input) {
    const controller = new AbortController();
    let id;
    const output = await replicate.run(
      model,
      { input, wait: { mode: "poll", interval: 100 }, signal: controller.signal },
      (prediction) => {
        id = prediction.id;
        if (prediction.status === "processing") controller.abort();
      },
    ).catch((error) => error.name);
    return { output, final: await replicate.predictions.get(id).catch(String) };
  },

  async stream(input) {
    const events = [];
    for await (const { event, data, id } of replicate.stream(model, { input })) {
      events.push({ event, data: String(data), id });
    }
    return events;
  },

  async failure(input) {
    try {
      await replicate.run(model, { input });
    } catch (error) {
      return { message: error.message, status: error.response?.status };
    }
  },

  async models() {
    const [owner, name] = model.split("/");
    return {
      model: await replicate.models.get(owner, name),
      versions: await replicate.models.versions.list(owner, name),
      version: await replicate.models.versions.get(owner, name, version),
    };
  },

  async files(text) {
    const file = new File([text], "notes.txt", { type: "text/plain" });
    const created = await replicate.files.create(file, { for: "a test" });
    const found = await replicate.files.get(created.id);
    const listed = await replicate.files.list();
    const deleted = await replicate.files.delete(created.id);
    return { created, found, ids: listed.results.map(({ id }) => id), deleted };
  },

  async webhook(messages) {
    const { key } = await replicate.webhooks.default.secret.get();
    return Promise.all(
      messages.map((message) => Replicate.validateWebhook({ ...message, secret: key })),
    );
  },
};

console.log(JSON.stringify(await scenarios[scenario](...texts.map((text) => JSON.parse(text)))));
