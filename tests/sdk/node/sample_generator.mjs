// The program that articles about Sora 2 print for TypeScript, with a base URL: `URL KEY SECONDS`.
// Shortened; the calls of the SDK, the fields and the handling of errors are those that people copy.
import OpenAI from "openai";

const [baseURL, apiKey, pauseS] = process.argv.slice(-3);
const sleep = () => new Promise((done) => setTimeout(done, Number(pauseS) * 1000));

class VideoGenerator {
  constructor() {
    this.client = new OpenAI({ baseURL, apiKey });
  }

  async generateVideo(prompt, duration = 4, resolution = "1280x720") {
    let attempt = 0;
    let lastError = null;
    while (attempt < 3) {
      try {
        const response = await this.client.videos.create({ model: "sora-2", prompt, duration, resolution });
        return await this.waitForCompletion(response.id);
      } catch (error) {
        lastError = error;
        if (error.code === "sentinel_block") return { success: false, errorCode: "sentinel_block" };
        attempt++;
        await sleep();
      }
    }
    return { success: false, error: lastError.message, body: lastError.error, errorCode: "max_retries_exceeded" };
  }

  async waitForCompletion(videoId, timeoutMs = 300000) {
    const startTime = Date.now();
    while (Date.now() - startTime < timeoutMs) {
      const status = await this.client.videos.retrieve(videoId);
      if (status.status === "completed") return { success: true, videoId, videoUrl: status.url };
      if (status.status === "failed") return { success: false, videoId, error: status.error };
      await sleep();
    }
    return { success: false, videoId, errorCode: "timeout" };
  }
}

console.log(JSON.stringify(await new VideoGenerator().generateVideo("A cheerful adult walks through an office")));
