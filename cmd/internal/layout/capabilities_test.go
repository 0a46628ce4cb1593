package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// capabilities are those of the document that this product implements.
const capabilities = 41

var (
	capabilityRow = regexp.MustCompile(`^\| (\d+) \|`)
	testNamed     = regexp.MustCompile("`(Test\\w+)")
	inFolder      = regexp.MustCompile(`\(([\w/]+)\)\s*$`)
)

// TestEveryCapabilityHasItsTest: the table of capabilities has a row for each, in order, and names tests that there are.
func TestEveryCapabilityHasItsTest(t *testing.T) {
	table, err := os.ReadFile(filepath.Join(root, "adapters", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	next := 1
	for line := range strings.Lines(string(table)) {
		m := capabilityRow.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if n, _ := strconv.Atoi(m[1]); n != next {
			t.Errorf("row %d where %d should be", n, next)
		}
		next++
		cells := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), `\|`, " "), "|")
		checkTests(t, m[1], strings.TrimSpace(cells[len(cells)-2]))
	}
	if next != capabilities+1 {
		t.Errorf("%d rows, want %d", next-1, capabilities)
	}
}

// checkTests looks for the tests a cell names: groups between semicolons, each with its folder behind it when that is
// another than where whole capabilities are tested.
func checkTests(t *testing.T, number, cell string) {
	t.Helper()
	named := 0
	for group := range strings.SplitSeq(cell, ";") {
		folder := "cmd/internal/app"
		if m := inFolder.FindStringSubmatch(strings.TrimSpace(group)); m != nil {
			folder = m[1]
		}
		for _, m := range testNamed.FindAllStringSubmatch(group, -1) {
			named++
			if !testsIn(t, folder)[m[1]] && !testsIn(t, "cmd/internal/app")[m[1]] {
				t.Errorf("capability %s names %s, which is not in %s", number, m[1], folder)
			}
		}
	}
	if named == 0 {
		t.Errorf("capability %s names no test: %s", number, cell)
	}
}

var found = map[string]map[string]bool{}

// testsIn are the names of a folder's tests.
func testsIn(t *testing.T, folder string) map[string]bool {
	t.Helper()
	if found[folder] != nil {
		return found[folder]
	}
	tests := map[string]bool{}
	dir := filepath.Join(root, filepath.FromSlash(folder))
	parsed, err := parser.ParseDir(token.NewFileSet(), dir, func(f fs.FileInfo) bool { //nolint:staticcheck // no types are asked for
		return strings.HasSuffix(f.Name(), "_test.go")
	}, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parsed {
		for _, file := range p.Files {
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
					tests[f.Name.Name] = true
				}
			}
		}
	}
	found[folder] = tests
	return tests
}
