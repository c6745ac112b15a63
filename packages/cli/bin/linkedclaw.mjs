#!/usr/bin/env node
import { launch } from "./launch.mjs";

await launch("linkedclaw", import.meta.url);
