"use strict";
// The prototype's method: a field that is named "submit" would hide the form's own.
HTMLFormElement.prototype.submit.call(document.getElementById("handover"));
