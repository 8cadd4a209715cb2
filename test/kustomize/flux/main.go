// Does for tests what Flux does to a source: a question in JSON on each line of stdin, an answer in JSON on each line of stdout.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fluxcd/pkg/envsubst"
	"github.com/fluxcd/pkg/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// question is a template with its variables, or, with a spec, a source and the Kustomization that builds it.
type question struct {
	Text   string            `json:"text"`
	Vars   map[string]string `json:"vars"`
	Files  map[string]string `json:"files"`
	Spec   map[string]any    `json:"spec"`
	Strict bool              `json:"strict"`
}

type answer struct {
	Output string `json:"output"`
	Error  string `json:"error,omitempty"`
}

func evaluate(q question) (string, error) {
	return envsubst.Eval(q.Text, func(name string) (string, bool) {
		value, ok := q.Vars[name]
		return value, ok || !q.Strict
	})
}

// build writes the source into a folder of its own, and does there what the controller does.
func build(q question) (string, error) {
	root, err := os.MkdirTemp("", "flux-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(root)
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return "", err
	}
	for name, text := range q.Files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	path, _ := q.Spec["path"].(string)
	folder := filepath.Join(root, path)
	object := unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
		"metadata": map[string]any{"name": "test", "namespace": "flux-system"}, "spec": q.Spec,
	}}
	if _, err := kustomize.NewGenerator(root, object).WriteFile(folder); err != nil {
		return "", err
	}
	resources, err := kustomize.SecureBuild(root, folder, false)
	if err != nil {
		return "", err
	}
	if after, ok := q.Spec["postBuild"].(map[string]any); ok {
		always := after["substituteStrategy"] == "Always"
		for _, res := range resources.Resources() {
			out, err := kustomize.SubstituteVariables(context.Background(), nil, object, res,
				kustomize.SubstituteWithDryRun(true), kustomize.SubstituteWithStrict(q.Strict), kustomize.SubstituteWithAlways(always))
			if err != nil {
				return "", err
			}
			if out == nil {
				continue
			}
			if _, err := resources.Replace(out); err != nil {
				return "", err
			}
		}
	}
	text, err := resources.AsYaml()
	return string(text), err
}

func ask(q question) (a answer) {
	defer func() {
		if p := recover(); p != nil {
			a = answer{Error: fmt.Sprintf("panic: %v", p)}
		}
	}()
	work := evaluate
	if q.Spec != nil {
		work = build
	}
	output, err := work(q)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Output: output}
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<16), 1<<24)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := out.Encode(ask(q)); err != nil {
			os.Exit(1)
		}
	}
}
