package layout

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/mod/modfile"
)

// modernc.org/sqlite is C translated against one version of modernc.org/libc; with another it fails at run time.
func TestLibcIsSQLites(t *testing.T) {
	ours := requirements(t, filepath.Join(root, "go.mod"))
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", sqlite+"@"+ours[sqlite])
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("find %s: %v", sqlite, err)
	}
	theirs := requirements(t, gomodOf(t, out.Bytes()))
	const libc = "modernc.org/libc"
	if ours[libc] == "" || ours[libc] != theirs[libc] {
		t.Errorf("go.mod wants %s %s, but %s %s wants %s: upgrade the two together",
			libc, ours[libc], sqlite, ours[sqlite], theirs[libc])
	}
}

// gomodOf returns where the downloaded module's go.mod lies.
func gomodOf(t *testing.T, download []byte) string {
	t.Helper()
	var at struct{ GoMod string }
	if err := json.Unmarshal(download, &at); err != nil {
		t.Fatal(err)
	}
	return at.GoMod
}

// requirements reads a go.mod: version by module.
func requirements(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.ParseLax(path, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, r := range file.Require {
		versions[r.Mod.Path] = r.Mod.Version
	}
	return versions
}
