"use strict";
// No validator: it would send the document to its makers' server.
window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayOperationId: true,
  validatorUrl: null,
});
window.ui.initOAuth({ usePkceWithAuthorizationCodeGrant: false });
// The title is the document's: this file is the same for every service.
fetch("/openapi.json")
  .then((response) => response.json())
  .then((document_) => { document.title = document_.info.title; });
