export { type EvaluateOptions, evaluate } from './evaluate.ts';
export { TemplateError } from './parse.ts';
export { isDisabled, type SubstituteOptions, substitute } from './substitute.ts';
export { badName, collectVariables } from './variables.ts';
