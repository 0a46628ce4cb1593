package app

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"go.yaml.in/yaml/v3"
)

// FuzzConfig: a configuration file is read or refused as one, and what it says of forwarding is read again as it was.
func FuzzConfig(f *testing.F) {
	for _, text := range []string{
		"addr: 127.0.0.1:0\nhubspot:\n  access_token: pat\n  client_secret: s\naloware: {api_token: t, webhook_token: w}\n",
		"connections:\n  eu:\n    hubspot: {access_token: env:EU_TOKEN}\n    aloware: {api_token: t}\n",
		"connections:\n  eu: 5\n", "connections: [1]\n", "connections:\n  Ä: {hubspot: {access_token: x}}\n",
		"forward:\n  - {name: crm, webhook: {url: \"http://x\", secret: s, attempts: 3}, type: \"sync.*\", from: start}\n" +
			"  - {name: bus, nats: {url: \"nats://x\", prefix: p}, view: contacts, field: email, data: masked}\n",
		"forward: {name: crm}\n", "forward:\n", "forward: [null, 1]\n", "addr: [1, 2]\n", "? {a: b}\n: c\n", "a.b: {c.d: 1}\n",
		"data: &a [*a]\n", "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nforward: [*b,*b]\n", "- 1\n", "1: 2\n", "\x00", "",
	} {
		f.Add([]byte(text))
	}
	file := filepath.Join(f.TempDir(), "duolog.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := LoadConfig(file, func(string) string { return "" }, nil)
		if err != nil {
			if !errors.Is(err, ErrConfig) {
				t.Errorf("refused with %v", err)
			}
			return
		}
		for name := range c.Named {
			if !slugShape.MatchString(name) {
				t.Errorf("a connection named %q", name)
			}
		}
		if again := reread(t, c.Forward); len(c.Forward) > 0 && !reflect.DeepEqual(again, c.Forward) {
			t.Errorf("%+v is read again as %+v", c.Forward, again)
		}
	})
}

func reread(t *testing.T, all []Forward) []Forward {
	t.Helper()
	text, err := yaml.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var section any
	if err := yaml.Unmarshal(text, &section); err != nil {
		t.Fatal(err)
	}
	again, err := readForward(section)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return again
}
