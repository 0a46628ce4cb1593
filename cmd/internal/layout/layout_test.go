package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	maxFileLines = 800
	maxFuncLines = 100
)

// root is the repository's root, seen from this package.
const root = "../../.."

// source is a parsed Go file that is not a test.
type source struct {
	path   string // slash-separated, from the root
	folder string
	file   *ast.File
	lines  int
}

func TestImports(t *testing.T) {
	_, files := sources(t)
	for _, f := range files {
		for _, spec := range f.file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if why := wrongArrow(f.folder, path); why != "" {
				t.Errorf("%s imports %s: %s", f.path, path, why)
			}
		}
	}
}

func TestRulesRefuse(t *testing.T) {
	for _, c := range []struct{ folder, path string }{
		{"domain/planner", "os"},
		{"domain/planner", "math/rand/v2"},
		{"domain", module + "/eventstore"},
		{"domain", "github.com/google/uuid"},
		{"eventstore", module + "/domain"},
		{"eventstore", module + "/eventstore/sqlite"},
		{"eventstore/sqlite", module + "/eventstore/postgres"},
		{"eventstore/postgres", module + "/eventstore/sqlite"},
		{"eventstore/postgres", sqlite},
		{"eventstore/sqlite", pgx + "/pgxpool"},
		{"projections/contacts", module + "/adapters"},
		{"projections/contacts", module + "/eventstore/sqlite"},
		{"projections/contacts", pgx},
		{"adapters/httpapi", module + "/cmd/internal/app"},
		{"adapters/httpapi", module + "/eventstore/postgres"},
		{"adapters/dispatch", pgx},
		{"adapters/httpapi", module + "/adapters/httpapi/bench"},
		{"adapters/dispatch", module + "/adapters/hubspot"},
		{"adapters/hubspot", module + "/adapters/aloware"},
		{"adapters/httpapi", module + "/adapters/hubspot"},
		{"adapters/ingest", module + "/adapters/hubspot"},
		{"adapters/aloware", module + "/adapters/adaptertest"},
		{"migrations", goose},
		{"cmd/duolog", module + "/eventstore/eventstoretest"},
		{"scripts", "fmt"},
	} {
		if wrongArrow(c.folder, c.path) == "" {
			t.Errorf("%s may import %s", c.folder, c.path)
		}
	}
}

func TestRulesAllow(t *testing.T) {
	for _, c := range []struct{ folder, path string }{
		{"domain/planner", module + "/domain/settings"},
		{"domain", phones},
		{"eventstore", xmod + "/sumdb/note"},
		{"eventstore/sqlite", module + "/migrations/sqlite"},
		{"eventstore/postgres", pgx + "/pgxpool"},
		{"eventstore/postgres", module + "/eventstore"},
		{"eventstore/eventstoretest/backends", module + "/eventstore/sqlite"},
		{"projections/contacts", module + "/projections"},
		{"adapters/hubspot/sandbox", module + "/adapters/hubspot"},
		{"adapters/httpapi", "github.com/danielgtaylor/huma/v2"},
		{"adapters/httpapi/bench", module + "/adapters/hubspot"},
		{"cmd/internal/app", module + "/eventstore/sqlite"},
		{"cmd/internal/app", module + "/adapters/hubspot"},
	} {
		if why := wrongArrow(c.folder, c.path); why != "" {
			t.Errorf("%s may not import %s: %s", c.folder, c.path, why)
		}
	}
}

func TestTopLevelFolders(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !ignored(t, e.Name()) {
			found = append(found, e.Name())
		}
	}
	if !slices.Equal(found, topLevel) {
		t.Errorf("top-level folders are %v, want %v", found, topLevel)
	}
}

// ignored tells whether git leaves the folder out, as it does what a run of the program makes.
func ignored(t *testing.T, name string) bool {
	t.Helper()
	return exec.CommandContext(t.Context(), "git", "-C", root, "check-ignore", "-q", name+"/").Run() == nil
}

func TestPackageComments(t *testing.T) {
	_, files := sources(t)
	said := map[string]bool{}
	for _, f := range files {
		said[f.folder] = said[f.folder] || f.file.Doc != nil
	}
	for folder, ok := range said {
		if !ok {
			t.Errorf("%s has no package comment", folder)
		}
	}
}

func TestLengths(t *testing.T) {
	set, files := sources(t)
	for _, f := range files {
		if f.lines > maxFileLines {
			t.Errorf("%s has %d lines, more than %d", f.path, f.lines, maxFileLines)
		}
		for _, decl := range f.file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line + 1; n > maxFuncLines {
				t.Errorf("%s: %s has %d lines, more than %d", f.path, fn.Name.Name, n, maxFuncLines)
			}
		}
	}
}

// sources parses every Go file that is not a test, generated ones included.
func sources(t *testing.T) (*token.FileSet, []source) {
	t.Helper()
	set := token.NewFileSet()
	var files []source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir(), !strings.HasSuffix(path, ".go"), strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		files = append(files, source{
			path: rel, folder: filepath.ToSlash(filepath.Dir(rel)), file: file,
			lines: set.File(file.Pos()).LineCount(),
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no Go files found")
	}
	return set, files
}
