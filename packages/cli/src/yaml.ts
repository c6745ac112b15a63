/**
 * What we use of `yaml`, for who loads it only when there is a file to read. Imported from here it has
 * its names in a bundle as well, where a package of CommonJS that is loaded late has but one.
 */
export { isMap, parseDocument, YAMLMap } from "yaml";
