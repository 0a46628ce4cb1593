package layout

import (
	"debug/elf"
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNothingBuiltIsKept: `go build` in the folder of a command leaves its program there, which is large and nobody's source.
func TestNothingBuiltIsKept(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z").Output()
	if err != nil {
		t.Fatalf("list the files: %v", err)
	}
	files := strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	if len(files) == 0 {
		t.Fatal("git knows no files")
	}
	for _, name := range files {
		program, err := elf.Open(filepath.Join(root, name))
		if err == nil {
			program.Close()
			t.Errorf("%s is a program that was built", name)
		}
		var other *elf.FormatError
		if err != nil && !errors.As(err, &other) && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("look at %s: %v", name, err)
		}
	}
}
