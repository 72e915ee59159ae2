// From the server's OpenAPI document to the model's inputs.

import type { Value } from "../types";

export type Kind = "file" | "choice" | "boolean" | "integer" | "number" | "string";

export interface Field {
  readonly name: string;
  readonly description: string;
  readonly kind: Kind;
  readonly choices: readonly string[];
  readonly default: Value | null; // null: required
  readonly minimum: number | null;
  readonly maximum: number | null;
}

interface Property {
  readonly $ref?: string;
  readonly allOf?: readonly Property[];
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly default?: Value;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly "x-order"?: number;
}

type Schemas = Record<string, Property & { readonly properties?: Record<string, Property> }>;

// The inputs in their order.
export function fieldsOf(document: unknown): Field[] {
  const schemas = (document as { components: { schemas: Schemas } }).components.schemas;
  const properties = Object.entries(schemas.Input?.properties ?? {});
  const order = (property: Property) => property["x-order"] ?? Number.MAX_SAFE_INTEGER;
  properties.sort(([, a], [, b]) => order(a) - order(b));
  return properties.map(([name, property]) => fieldOf(name, property, schemas));
}

function fieldOf(name: string, property: Property, schemas: Schemas): Field {
  const parts = [property, ...(property.allOf ?? [])];
  const targets = parts.map((part) => (part.$ref ? schemas[part.$ref.split("/").pop() ?? ""] : undefined));
  const all: Property = Object.assign({}, ...targets, property);
  return {
    name,
    description: all.description ?? "",
    kind: kindOf(all),
    choices: all.enum ?? [],
    default: all.default ?? null,
    minimum: all.minimum ?? null,
    maximum: all.maximum ?? null,
  };
}

function kindOf(property: Property): Kind {
  if (property.enum) return "choice";
  if (property.type === "boolean" || property.type === "integer" || property.type === "number") return property.type;
  return property.format === "uri" ? "file" : "string";
}

// A value from JSON; undefined if it has the wrong type.
export function valueFrom({ kind }: Field, given: unknown): Value | undefined {
  if (kind === "boolean") return typeof given === "boolean" ? given : undefined;
  if (kind === "integer" || kind === "number") {
    const isGood = kind === "integer" ? Number.isInteger(given) : Number.isFinite(given);
    return isGood ? (given as number) : undefined;
  }
  return typeof given === "string" ? given : undefined;
}
