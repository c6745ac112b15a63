#!/usr/bin/env node
import { launch } from "./launch.mjs";

await launch("guildhall", import.meta.url);
