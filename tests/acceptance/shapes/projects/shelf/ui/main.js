import { customAlphabet } from "nanoid/non-secure";

document.title = `A shelf, ${customAlphabet("abc", 3)()}`;
