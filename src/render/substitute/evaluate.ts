import { applyOperator, isDefaultOperator } from './functions.ts';
import { type Budget, makeBudget } from './glob.ts';
import { parseTemplate, TemplateError, type TemplateNode } from './parse.ts';

/** How to evaluate. */
export interface EvaluateOptions {
  /** A variable that is not set is an error, not an empty text. */
  readonly strict: boolean;
  /** Characters that the result may have. */
  readonly maxLength: number;
}

interface Evaluation {
  readonly vars: ReadonlyMap<string, string>;
  readonly options: EvaluateOptions;
  readonly budget: Budget;
  length: number;
}

/**
 * Puts variables into a text (fluxcd/pkg/envsubst v1.7, a fork of drone/envsubst). Throws a TemplateError with its words.
 */
export function evaluate(text: string, vars: ReadonlyMap<string, string>, options: EvaluateOptions): string {
  const e: Evaluation = { vars, options, budget: makeBudget(), length: 0 };
  const out = parseTemplate(text).map((node) => evaluateNode(e, node));
  return out.join('');
}

function evaluateNode(e: Evaluation, node: TemplateNode): string {
  const text = node.type === 'text' ? node.text : evaluateCall(e, node);
  e.length += text.length;
  if (e.length > e.options.maxLength)
    throw new TemplateError(`the result is larger than ${e.options.maxLength} characters`);
  return text;
}

function evaluateCall(e: Evaluation, node: TemplateNode & { type: 'call' }): string {
  const args = node.args.map((arg) => evaluateNode(e, arg));
  const value = e.vars.get(node.name);
  if (value === undefined && e.options.strict && !isDefaultOperator(node.operator))
    throw new TemplateError(`variable not set (strict mode): ${JSON.stringify(node.name)}`);
  return applyOperator(node.operator, value ?? '', args, e.budget);
}
