import { isObject, type Json } from '../../../model/index.ts';
import { fail } from '../errors.ts';

/** Fails where a value is not what Go's types for OpenAPI hold; null is nothing, and fits everywhere. */
type Shape = (value: Json, place: string) => void;

const shape =
  (what: string, fits: (value: Json) => boolean): Shape =>
  (value, place) => {
    if (value !== null && !fits(value)) fail(`${place}: expected ${what}`);
  };

export const anObject = shape('an object', isObject);
const aList = shape('a list', Array.isArray);
export const text = shape('a string', (value) => typeof value === 'string');
const flag = shape('a boolean', (value) => typeof value === 'boolean');
const number = shape('a number', (value) => typeof value === 'number' || typeof value === 'bigint');
const integer = shape('an integer', (value) => typeof value === 'bigint' || Number.isInteger(value));

export const listOf =
  (item: Shape): Shape =>
  (value, place) => {
    aList(value, place);
    if (Array.isArray(value)) for (const [i, one] of value.entries()) item(one as Json, `${place}[${i}]`);
  };

/** An object of which all fields that a test picks have one shape. */
export const mapOf =
  (item: Shape, picks: (key: string) => boolean = () => true): Shape =>
  (value, place) => {
    anObject(value, place);
    if (!isObject(value)) return;
    for (const [key, one] of Object.entries(value)) if (picks(key)) item(one, `${place}.${key}`);
  };

/** An object with some known fields; others are not looked at. */
const record =
  (fields: () => Readonly<Record<string, Shape>>): Shape =>
  (value, place) => {
    anObject(value, place);
    if (!isObject(value)) return;
    for (const [key, one] of Object.entries(fields())) {
      const found = value[key];
      if (found !== undefined) one(found, `${place}.${key}`);
    }
  };

const textOrList: Shape = (value, place) =>
  Array.isArray(value) ? listOf(text)(value as Json, place) : text(value, place);
const schemaOrFlag: Shape = (value, place) =>
  isObject(value)
    ? schema(value, place)
    : shape('an object or a boolean', (one) => typeof one === 'boolean')(value, place);
const schemaOrList: Shape = (value, place) => {
  if (isObject(value)) schema(value, place);
  else if (Array.isArray(value)) listOf(schema)(value as Json, place);
};
const dependency: Shape = (value, place) => {
  if (isObject(value)) schema(value, place);
  else if (Array.isArray(value)) listOf(text)(value as Json, place);
};

/** A schema: as it stands under `definitions`, and wherever a schema refers to another. */
export const schema: Shape = record(() => SCHEMA);

const SCHEMA: Readonly<Record<string, Shape>> = {
  id: text,
  description: text,
  type: textOrList,
  nullable: flag,
  format: text,
  title: text,
  maximum: number,
  exclusiveMaximum: flag,
  minimum: number,
  exclusiveMinimum: flag,
  maxLength: integer,
  minLength: integer,
  pattern: text,
  maxItems: integer,
  minItems: integer,
  uniqueItems: flag,
  multipleOf: number,
  enum: aList,
  maxProperties: integer,
  minProperties: integer,
  required: listOf(text),
  items: schemaOrList,
  allOf: listOf(schema),
  oneOf: listOf(schema),
  anyOf: listOf(schema),
  not: schema,
  properties: mapOf(schema),
  additionalProperties: schemaOrFlag,
  patternProperties: mapOf(schema),
  dependencies: mapOf(dependency),
  additionalItems: schemaOrFlag,
  definitions: mapOf(schema),
  discriminator: text,
  readOnly: flag,
  externalDocs: anObject,
};

const operation = record(() => ({
  description: text,
  consumes: listOf(text),
  produces: listOf(text),
  schemes: listOf(text),
  tags: listOf(text),
  summary: text,
  externalDocs: anObject,
  operationId: text,
  deprecated: flag,
  parameters: listOf(anObject),
  responses: anObject,
}));

const pathItem = record(() => ({
  get: operation,
  put: operation,
  post: operation,
  delete: operation,
  options: operation,
  head: operation,
  patch: operation,
  parameters: listOf(anObject),
}));

/** A whole OpenAPI v2 document; parameters and responses are looked at no further, since nothing here reads them. */
export const swagger: Shape = record(() => ({
  id: text,
  consumes: listOf(text),
  produces: listOf(text),
  schemes: listOf(text),
  swagger: text,
  info: anObject,
  host: text,
  basePath: text,
  paths: mapOf(pathItem, (key) => key.startsWith('/')),
  definitions: mapOf(schema),
  parameters: mapOf(anObject),
  responses: mapOf(anObject),
  securityDefinitions: mapOf(anObject),
  security: listOf(mapOf(listOf(text))),
  tags: listOf(anObject),
  externalDocs: anObject,
}));
