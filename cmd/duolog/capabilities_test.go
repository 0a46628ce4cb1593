package main

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
)

var (
	aside   = regexp.MustCompile(`\([^)]*\)`)
	quoted  = regexp.MustCompile("`([^`]+)`")
	capable = regexp.MustCompile(`^\| \d+ \|`)
)

// TestCapabilitiesAreThere: the table of capabilities names commands, flags and endpoints that there are, of both kinds in
// each row. That the tests it names are there is looked at with the layout.
func TestCapabilitiesAreThere(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "adapters", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	c, _, _ := quiet()
	root, served, rows := c.root(), endpoints(t), 0
	for line := range strings.Lines(string(text)) {
		if !capable.MatchString(line) {
			continue
		}
		rows++
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
		row, commands, paths := strings.TrimSpace(cells[1]), cells[3], cells[4]
		for _, m := range quoted.FindAllStringSubmatch(aside.ReplaceAllString(commands, ""), -1) {
			for _, problem := range unknownCommand(root, m[1]) {
				t.Errorf("row %s: %s", row, problem)
			}
		}
		method, named := "", 0
		for _, m := range quoted.FindAllStringSubmatch(aside.ReplaceAllString(paths, ""), -1) {
			if before, path, ok := strings.Cut(m[1], " "); ok {
				method, m[1] = before, path
			}
			path, _, _ := strings.Cut(strings.Replace(m[1], "…", "/v1/connections/{}", 1), "?")
			if !slices.ContainsFunc(served, func(e string) bool { return same(e, method+" "+path) }) {
				t.Errorf("row %s: there is no endpoint %s %s", row, method, path)
			}
			named++
		}
		if named == 0 || !quoted.MatchString(commands) && !strings.HasPrefix(strings.TrimSpace(commands), "–") {
			t.Errorf("row %s names no command or no endpoint", row)
		}
	}
	if rows != 41 {
		t.Errorf("%d rows", rows)
	}
}

// unknownCommand says what of "settings show|validate --flag ARG" there is not.
func unknownCommand(root *cobra.Command, text string) (problems []string) {
	words := strings.Fields(strings.Trim(text, "[]"))
	var at []*cobra.Command
	for level, word := range words {
		switch word = strings.Trim(word, "[]"); {
		case strings.HasPrefix(word, "--"):
			name, _, _ := strings.Cut(strings.TrimPrefix(word, "--"), "=")
			for _, cmd := range at {
				if cmd.Flags().Lookup(name) == nil && cmd.InheritedFlags().Lookup(name) == nil {
					problems = append(problems, cmd.CommandPath()+" has no --"+name)
				}
			}
		case strings.ToLower(word) != word || word == "…":
		case len(at) == 1 && !at[0].HasSubCommands(): // an argument or the value of a flag
		case level < 2:
			var found []*cobra.Command
			for name := range strings.SplitSeq(word, "\x00") {
				parent := root
				if level > 0 {
					parent = at[0]
				}
				cmd, rest, err := parent.Find([]string{name})
				if err != nil || len(rest) > 0 || cmd == parent {
					problems = append(problems, "there is no command "+parent.CommandPath()+" "+name)
					continue
				}
				found = append(found, cmd)
			}
			if at = found; len(at) == 0 {
				return problems
			}
		}
	}
	return problems
}

// endpoints are those of the HTTP API: "GET /v1/connections/{}/status".
func endpoints(t *testing.T) (all []string) {
	t.Helper()
	tokens, err := httpapi.NewStatic("root")
	if err != nil {
		t.Fatal(err)
	}
	h, err := httpapi.New(httpapi.Config{
		PublicURL: "https://sync.example.com", Authorizer: tokens,
		Connection: func(string) (httpapi.Connection, bool) { return httpapi.Connection{}, false },
	})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(context.Background(), "GET", "/openapi.json", nil))
	var doc struct {
		Paths map[string]map[string]any
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		for method := range methods {
			all = append(all, strings.ToUpper(method)+" "+path)
		}
	}
	return all
}

// same reports whether an endpoint serves a path, in which {} and what stands for itself fit a parameter.
func same(endpoint, path string) bool {
	a, b := strings.Split(endpoint, "/"), strings.Split(path, "/")
	return slices.EqualFunc(a, b, func(a, b string) bool { return a == b || strings.HasPrefix(a, "{") && b != "" })
}
