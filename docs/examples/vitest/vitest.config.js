export default { test: { globalSetup: "./world.js" } };
