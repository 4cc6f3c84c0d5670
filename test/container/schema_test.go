package container

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Where the description of what Kubernetes accepts comes from: its own module,
// since the place that kubeconform asks by itself is not one that every builder
// reaches. The sum is that of go.sum.
const (
	kubernetes    = "k8s.io/kubernetes@v1.36.0"
	kubernetesSum = "h1:JKaAkgSzI4+ZvNWrNJg56jAkUaOiqgBaJstmi6ycyoU="
)

// schema is a piece of JSON Schema.
type schema map[string]any

// definitions are the objects of Kubernetes by their names.
func definitions(t *testing.T) map[string]schema {
	t.Helper()
	command := exec.Command("go", "mod", "download", "-json", kubernetes)
	text, err := command.Output()
	if err != nil {
		t.Fatalf("go mod download %s: %v\n%s", kubernetes, err, text)
	}
	module := decode[struct{ Dir, Sum string }](t, text)
	if module.Sum != kubernetesSum {
		t.Fatalf("%s has the sum %s", kubernetes, module.Sum)
	}
	text, err = os.ReadFile(filepath.Join(module.Dir, "api", "openapi-spec", "swagger.json"))
	if err != nil {
		t.Fatal(err)
	}
	return decode[struct{ Definitions map[string]schema }](t, text).Definitions
}

// writeSchemas makes a file for each kind that kubeconform can read: strict, so
// that a field that Kubernetes does not know is a mistake.
func writeSchemas(t *testing.T, dir string, kinds ...string) {
	t.Helper()
	all := definitions(t)
	for name, s := range all {
		all[name] = strict(name, s)
	}
	for _, kind := range kinds {
		top := schema{"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/" + kind, "definitions": needed(t, all, kind)}
		text, err := json.Marshal(top)
		if err != nil {
			t.Fatal(err)
		}
		// io.k8s.api.apps.v1.Deployment is deployment-apps-v1.json there, and of
		// core it is the version alone.
		words := strings.Split(kind, ".")
		group, version, last := words[len(words)-3], words[len(words)-2], words[len(words)-1]
		name := strings.ToLower(last) + "-" + version + ".json"
		if group != "core" {
			name = strings.ToLower(last) + "-" + group + "-" + version + ".json"
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// strict forbids fields that are not named, and mends what OpenAPI says in another
// way than JSON Schema.
func strict(name string, s schema) schema {
	s = maps.Clone(s)
	switch {
	case strings.HasSuffix(name, ".IntOrString"):
		return schema{"oneOf": []any{schema{"type": "string"}, schema{"type": "integer"}}}
	case strings.HasSuffix(name, ".Quantity"):
		return schema{"oneOf": []any{schema{"type": "string"}, schema{"type": "number"}}}
	case s["properties"] != nil && s["additionalProperties"] == nil:
		s["additionalProperties"] = false
	}
	if len(kindsOf(s)) == 1 {
		if required, ok := s["required"].([]any); ok {
			s["required"] = append(slices.Clone(required), "apiVersion", "kind")
		} else {
			s["required"] = []any{"apiVersion", "kind"}
		}
	}
	return s
}

func kindsOf(s schema) []any {
	kinds, _ := s["x-kubernetes-group-version-kind"].([]any)
	return kinds
}

// needed are the definitions that one refers to, and those that they refer to.
func needed(t *testing.T, all map[string]schema, kind string) map[string]schema {
	t.Helper()
	found := map[string]schema{}
	var visit func(v any)
	take := func(name string) {
		if _, ok := found[name]; ok {
			return
		}
		s, ok := all[name]
		if !ok {
			t.Fatalf("Kubernetes does not know %s", name)
		}
		found[name] = s
		visit(map[string]any(s))
	}
	visit = func(v any) {
		switch v := v.(type) {
		case schema:
			visit(map[string]any(v))
		case map[string]any:
			for key, inner := range v {
				if name, ok := inner.(string); ok && key == "$ref" {
					take(strings.TrimPrefix(name, "#/definitions/"))
				}
				visit(inner)
			}
		case []any:
			for _, inner := range v {
				visit(inner)
			}
		}
	}
	take(kind)
	return found
}
