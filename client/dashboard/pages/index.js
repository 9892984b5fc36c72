// The pages of the site: address, title, and the module that draws it. The order is the menu's.
//
// A page's module exports `open(root, site, route)`: it fills `root` and returns what it wants called:
// { frame(seconds), tick(), heard(event), close() }, each optional: at the display's rate, four times
// a second, for each event, when it is left. `site` = { ward, clock, go, say }: what is known of the
// patients, the page's clock in seconds, to another page, a line for everybody to read.

import * as bed from "./bed.js";
import * as burden from "./burden.js";
import * as classifier from "./classifier.js";
import * as disclosure from "./disclosure.js";
import * as overview from "./overview.js";
import * as review from "./review.js";
import * as upload from "./upload.js";

export const PAGES = [
  { page: "", title: "Overview", module: overview },
  { page: "beds", title: "Bed", module: bed, hidden: true },
  { page: "review", title: "Alarm review", module: review },
  { page: "disclosure", title: "Full disclosure", module: disclosure },
  { page: "burden", title: "Alarm burden", module: burden },
  { page: "upload", title: "Upload", module: upload },
  { page: "classifier", title: "Classifier", module: classifier },
];
