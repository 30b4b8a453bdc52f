"use strict";

SwaggerUIBundle({
  url: document.currentScript.dataset.document,
  dom_id: "#reference",
  deepLinking: true,
  // The models stand in the answers; shown once more below they are only long.
  defaultModelsExpandDepth: -1,
  defaultModelExpandDepth: 2,
  docExpansion: "list",
  tryItOutEnabled: false,
  // Nothing leaves this bank.
  validatorUrl: null,
});
