package container

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/yannh/kubeconform/pkg/validator"
	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"iceserver/test/servertest"
)

// kinds are what the manifests are made of.
func kinds() []string {
	return []string{
		"io.k8s.api.core.v1.Namespace", "io.k8s.api.core.v1.ConfigMap", "io.k8s.api.core.v1.Secret",
		"io.k8s.api.core.v1.Service", "io.k8s.api.apps.v1.Deployment", "io.k8s.api.policy.v1.PodDisruptionBudget",
	}
}

const clusterSecret = "0123456789abcdef0123456789abcdef"

// manifests are what `kubectl apply -k` sends, after the step that the
// kustomization asks for.
func manifests(t *testing.T) []byte {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "kubernetes")
	if err := os.CopyFS(dir, os.DirFS(inRoot(t, "packaging", "kubernetes"))); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(dir, "static-auth-secret")
	_ = os.Remove(secret) // somebody's own
	build := func() ([]byte, error) {
		all, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
		if err != nil {
			return nil, err
		}
		return all.AsYaml()
	}
	if _, err := build(); err == nil || !strings.Contains(err.Error(), "static-auth-secret") {
		t.Errorf("without a secret: %v, want an error that names it", err)
	}
	if err := os.WriteFile(secret, []byte(clusterSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// problems are what kubeconform says of manifests, and how many it has read.
func problems(t *testing.T, v validator.Validator, text []byte) (all []string, read int) {
	t.Helper()
	for _, r := range v.Validate("manifests.yaml", io.NopCloser(bytes.NewReader(text))) {
		if r.Status == validator.Valid {
			read++
			continue
		}
		all = append(all, fmt.Sprint(r.Err, r.ValidationErrors))
	}
	return all, read
}

// The manifests are valid to Kubernetes, with nothing in them that it does not
// know; and mistakes in them are seen.
func TestManifests(t *testing.T) {
	dir, text := t.TempDir(), manifests(t)
	writeSchemas(t, dir, kinds()...)
	v, err := validator.New([]string{dir + "/{{ .ResourceKind }}{{ .KindSuffix }}.json"}, validator.Opts{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	if wrong, read := problems(t, v, text); len(wrong) > 0 || read != len(kinds()) {
		t.Errorf("%d of %d kinds are valid; %v", read, len(kinds()), wrong)
	}
	for right, mistake := range map[string]string{
		"hostNetwork: true":             "hostNetwerk: true",
		"replicas: 2":                   "replicas: two",
		"terminationGracePeriodSeconds": "terminationGracePeriod",
		"failureThreshold: 30":          `failureThreshold: "30"`,
		"maxUnavailable: 1\n  selector": "maxUnavailable: [1]\n  selector",
		"kind: Service\n":               "kind: Servise\n",
	} {
		bad := bytes.ReplaceAll(text, []byte(right), []byte(mistake))
		if bytes.Equal(bad, text) {
			t.Errorf("the manifests have no %q", right)
		} else if wrong, _ := problems(t, v, bad); len(wrong) == 0 {
			t.Errorf("kubeconform accepts %q", mistake)
		}
	}
}

// pod is the part of a manifest that says how the container runs.
type pod struct {
	Kind string            `yaml:"kind"`
	Data map[string]string `yaml:"data"`
	Spec struct {
		Deadline int `yaml:"progressDeadlineSeconds"`
		Template struct {
			Spec struct {
				Grace      int         `yaml:"terminationGracePeriodSeconds"`
				Security   podSecurity `yaml:"securityContext"`
				Containers []struct {
					Args      []string      `yaml:"args"`
					Env       []podVariable `yaml:"env"`
					Startup   probe         `yaml:"startupProbe"`
					Liveness  probe         `yaml:"livenessProbe"`
					Readiness probe         `yaml:"readinessProbe"`
					Lifecycle struct {
						PreStop struct {
							Exec struct{ Command []string } `yaml:"exec"`
						} `yaml:"preStop"`
					} `yaml:"lifecycle"`
				} `yaml:"containers"`
			} `yaml:"spec"`
		} `yaml:"template"`
	} `yaml:"spec"`
}

type probe struct {
	Get struct {
		Host string `yaml:"host"`
		Port int    `yaml:"port"`
		Path string `yaml:"path"`
	} `yaml:"httpGet"`
}

func (p probe) url() string { return fmt.Sprintf("http://%s:%d%s", p.Get.Host, p.Get.Port, p.Get.Path) }

type podSecurity struct {
	User  int `yaml:"runAsUser"`
	Group int `yaml:"fsGroup"`
}

type podVariable struct {
	Name  string `yaml:"name"`
	Value string `yaml:"value"`
	From  struct {
		Field struct {
			Path string `yaml:"fieldPath"`
		} `yaml:"fieldRef"`
		Secret struct {
			Key string `yaml:"key"`
		} `yaml:"secretKeyRef"`
	} `yaml:"valueFrom"`
}

// environment resolves variables as the kubelet does on a node with an address.
func environment(t *testing.T, variables []podVariable, node string) []string {
	t.Helper()
	var all []string
	known := map[string]string{}
	for _, v := range variables {
		value := v.Value
		switch {
		case v.From.Field.Path == "status.hostIP":
			value = node
		case v.From.Secret.Key == "static-auth-secret":
			value = clusterSecret
		case v.From.Field.Path != "" || v.From.Secret.Key != "":
			t.Errorf("nobody knows where %s comes from", v.Name)
		}
		value = regexp.MustCompile(`\$\((\w+)\)`).ReplaceAllStringFunc(value, func(s string) string { return known[s[2:len(s)-1]] })
		known[v.Name] = value
		all = append(all, v.Name+"="+value)
	}
	return all
}

// The pod of the manifests on the network of a node: arguments, variables, files
// and volumes as the kubelet gives them. It relays for whoever has the secret.
func TestPod(t *testing.T) {
	var deployment pod
	var configuration map[string]string
	for d := yaml.NewDecoder(bytes.NewReader(manifests(t))); ; {
		var p pod
		if err := d.Decode(&p); err != nil {
			break
		}
		switch p.Kind {
		case "Deployment":
			deployment = p
		case "ConfigMap":
			configuration = p.Data
		}
	}
	spec := deployment.Spec.Template.Spec
	wantPatience(t, deployment)
	if len(spec.Containers) != 1 || configuration == nil {
		t.Fatalf("%d containers, configuration %v", len(spec.Containers), configuration)
	}
	files := t.TempDir()
	if err := os.Chmod(files, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range configuration {
		if err := os.WriteFile(filepath.Join(files, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	variables := environment(t, spec.Containers[0].Env, machineIP)
	wantValid(t, variables, filepath.Join(files, "turnserver.conf"))

	n := newNetwork(t)
	// An emptyDir with an fsGroup: root's, and open to the group.
	box := newContainer(t, volume(t, 0, 0o2777|os.ModeSetgid), variables...)
	box.Volumes["/etc/iceserver"] = files
	if box.User != spec.Security.User || spec.Security.Group != spec.Security.User {
		t.Errorf("the image runs as %d, the pod as %+v", box.User, spec.Security)
	}
	s := box.start(t, n.machine, spec.Containers[0].Args...)
	up, down := n.relay(t, "turn:"+machineIP+":3478", "--user", "alice", "--secret", clusterSecret, "--direction", "both")
	if up == 0 || down == 0 {
		t.Errorf("%d packets came to the peer, and %d to the client", up, down)
	}
	wantRange(t, s)
	one := spec.Containers[0]
	for _, p := range []probe{one.Startup, one.Liveness, one.Readiness} {
		if code := status(t, n.machine, p.url()); code != http.StatusOK {
			t.Errorf("%s answers %d", p.url(), code)
		}
	}
	s.Stop(t)
}

// wantPatience makes sure that whoever ends a pod lets it drain for as long as it
// was told to, and end by itself after that.
func wantPatience(t *testing.T, p pod) {
	t.Helper()
	spec := p.Spec.Template.Spec
	words := spec.Containers[0].Lifecycle.PreStop.Exec.Command
	if len(words) != 4 || strings.Join(words[:3], " ") != "/usr/bin/iceserver drain --wait" {
		t.Fatalf("preStop runs %q", words)
	}
	wait, err := time.ParseDuration(words[3])
	if grace := time.Duration(spec.Grace) * time.Second; err != nil || wait >= grace {
		t.Errorf("preStop waits for %v of %v: %v", wait, grace, err)
	}
	if p.Spec.Deadline <= spec.Grace {
		t.Errorf("a roll-out has failed after %d s, and a server may take %d s to go", p.Spec.Deadline, spec.Grace)
	}
}

// wantRange makes sure that the small range of the image does not count in a pod.
func wantRange(t *testing.T, s *servertest.Server) {
	t.Helper()
	if log := s.Log(); !strings.Contains(log, "49152-65535") {
		t.Errorf("the pod does not relay at the ports of its configuration:\n%s", log)
	}
}
