package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
)

// TestDemoNeverDeletesAnotherLog: --reset with the folder of a real connection leaves log and key alone.
func TestDemoNeverDeletesAnotherLog(t *testing.T) {
	for name, demo := range map[string]bool{"real": false, "demo": true} {
		t.Run(name, func(t *testing.T) {
			c, _, _ := quiet()
			c.data = filepath.Join(t.TempDir(), "data")
			made(t, c.data, domain.Opened{Portal: "1", Account: "2", Demo: demo})
			if _, err := c.demoFolder(t.Context(), false); err == nil {
				t.Error("a folder with a log was taken without --reset")
			}
			_, err := c.demoFolder(t.Context(), true)
			if refused := err != nil; refused == demo {
				t.Errorf("--reset: %v", err)
			}
			_, err = os.Stat(filepath.Join(c.data, "master.key"))
			if kept := err == nil; kept == demo {
				t.Errorf("the key is there: %v", kept)
			}
		})
	}
}

// made makes a log that was opened as o says.
func made(t *testing.T, dir string, o domain.Opened) {
	t.Helper()
	cfg, err := app.LoadConfig("", func(string) string { return "" }, func(cfg *app.Config) { cfg.Data = dir })
	if err != nil {
		t.Fatal(err)
	}
	c, _, _ := quiet()
	a, err := app.Open(context.Background(), cfg, c.demoLogger())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Act(t.Context(), domain.ConnectionOpened, o, httpapi.By{}); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestASettingsFileKeepsTheMode: what duolog mode said is what settings show prints, before and without a service, so
// that an edited file does not turn it back.
func TestASettingsFileKeepsTheMode(t *testing.T) {
	c, out, errs := quiet()
	dir := filepath.Join(t.TempDir(), "data")
	file := filepath.Join(t.TempDir(), "settings.yaml")
	call := func(args ...string) string {
		out.Reset()
		cmd := c.root()
		cmd.SetArgs(append(args, "--data", dir))
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Fatalf("%v: %v %s", args, err, errs)
		}
		return out.String()
	}
	if err := os.WriteFile(file, []byte(call("settings", "show", "--defaults")), 0o600); err != nil {
		t.Fatal(err)
	}
	call("settings", "apply", file, "--yes")
	call("mode", "observe")
	if text := call("settings", "show"); !strings.Contains(text, "\nmode: observe") {
		t.Errorf("settings show forgot the mode:\n%s", text)
	}
	if text := call("status"); !strings.Contains(text, "mode OBSERVE") {
		t.Errorf("status: %s", text)
	}
	call("pause")
	if text := call("status"); !strings.Contains(text, "PAUSED") {
		t.Errorf("status: %s", text)
	}
}

// TestObserveBeforeTheFirstSettingsStands: the way of looking first that the README names must not go live by itself.
func TestObserveBeforeTheFirstSettingsStands(t *testing.T) {
	c, out, errs := quiet()
	dir := filepath.Join(t.TempDir(), "data")
	file := filepath.Join(t.TempDir(), "settings.yaml")
	call := func(args ...string) string {
		out.Reset()
		cmd := c.root()
		cmd.SetArgs(append(args, "--data", dir))
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Fatalf("%v: %v %s", args, err, errs)
		}
		return out.String()
	}
	call("mode", "observe")
	if err := os.WriteFile(file, []byte(call("settings", "show", "--defaults")), 0o600); err != nil {
		t.Fatal(err)
	}
	call("settings", "apply", file, "--yes")
	if text := call("status"); !strings.Contains(text, "mode OBSERVE") {
		t.Errorf("the first settings changed the mode: %s", text)
	}
}
