package explain

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/duolog/duolog/domain/planner"
)

const plannerSource = "../../../domain/planner"

// ruled are the planner's functions that return the rule, and not the result with it, for which something is left.
var ruled = []string{"withheld", "stopRule", "unwelcome", "lacks", "contested", "guarded", "winner", "source", "firstSource", "reconciled"}

// parsed are the files of the planner, without its tests.
func parsed(t *testing.T) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(plannerSource + "/*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("no planner in %s: %v", plannerSource, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// TestEveryReasonHasWords reads the results and the rules out of the planner's source: a new one needs its words here.
func TestEveryReasonHasWords(t *testing.T) {
	files := parsed(t)
	s := &source{consts: map[string]string{}, rules: map[string]bool{}}
	for _, f := range files {
		ast.Inspect(f, s.constants)
	}
	for _, f := range files {
		ast.Inspect(f, s.reasons)
	}
	if len(s.results) < 20 || len(s.rules) < 40 {
		t.Fatalf("found %d results and %d rules in the planner's source: this test reads it wrongly", len(s.results), len(s.rules))
	}
	for _, r := range s.results {
		if _, ok := results[r]; !ok {
			t.Errorf("the planner's result %q has no words", r)
		}
	}
	for text := range s.rules {
		if !hasWords(text) {
			t.Errorf("the planner's rule %q has no words", text)
		}
	}
}

// TestEveryCauseHasWords: what results and rules lead to can be told.
func TestEveryCauseHasWords(t *testing.T) {
	led := []Cause{NotMapped, NeverTold, Erased, Rendered, Retrying, DeadLetter, MappedLater, Undecided, Alone, Gone}
	for _, w := range results {
		led = append(led, w.cause)
	}
	for _, r := range rules {
		if r.cause != "" {
			led = append(led, r.cause)
		}
	}
	for _, c := range led {
		if causes[c].says == "" {
			t.Errorf("the cause %q has no words", c)
		}
	}
}

// hasWords reports words for a rule of which the text is the beginning, or, behind a name, the middle.
func hasWords(text string) bool {
	if _, _, ok := find(text); ok {
		return true
	}
	return slices.ContainsFunc(rules, func(r rule) bool { return strings.HasPrefix(r.text, text) })
}

// source is what was found in the planner's source.
type source struct {
	consts  map[string]string // strings, by name
	results []planner.Result
	rules   map[string]bool
}

func (s *source) constants(n ast.Node) bool {
	spec, ok := n.(*ast.ValueSpec)
	if !ok {
		return true
	}
	for i, name := range spec.Names {
		if i >= len(spec.Values) {
			continue
		}
		text, ok := s.text(spec.Values[i])
		if !ok {
			continue
		}
		if t, ok := spec.Type.(*ast.Ident); ok && t.Name == "Result" {
			s.results = append(s.results, planner.Result(text))
			continue
		}
		s.consts[name.Name] = text
	}
	return true
}

// reasons takes what is assigned to a rule, passed on as one, or returned as one.
func (s *source) reasons(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Rule" {
			s.rule(n.Value)
		}
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			if len(n.Rhs) == len(n.Lhs) && n.Tok != token.ADD_ASSIGN && isRule(left) {
				s.rule(n.Rhs[i])
			}
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "flow" && len(n.Args) == 3 {
			s.rule(n.Args[2])
		}
	case *ast.FuncDecl:
		if returnsRule(n) {
			ast.Inspect(n, s.returned)
		}
	}
	return true
}

func (s *source) returned(n ast.Node) bool {
	if r, ok := n.(*ast.ReturnStmt); ok {
		for _, v := range r.Results {
			if id, ok := v.(*ast.Ident); ok && s.consts[id.Name] == "" {
				continue
			}
			s.rule(v)
		}
	}
	return true
}

// returnsRule: with a result comes its rule.
func returnsRule(f *ast.FuncDecl) bool {
	if f.Type.Results == nil {
		return false
	}
	first, ok := f.Type.Results.List[0].Type.(*ast.Ident)
	return slices.Contains(ruled, f.Name.Name) || ok && first.Name == "Result"
}

func isRule(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "rule"
	case *ast.SelectorExpr:
		return e.Sel.Name == "Rule"
	}
	return false
}

// rule takes a text, or the first one of a sum.
func (s *source) rule(e ast.Expr) {
	// What is added behind a rule speaks for itself, and is shown with it.
	if text, ok := s.text(e); ok && text != "" && !strings.HasPrefix(text, ": ") {
		s.rules[text] = true
	}
}

func (s *source) text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.Ident:
		text, ok := s.consts[e.Name]
		return text, ok
	case *ast.BinaryExpr:
		if text, ok := s.text(e.X); ok {
			return text, true
		}
		return s.text(e.Y)
	}
	return "", false
}
