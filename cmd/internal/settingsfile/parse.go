// Package settingsfile reads and writes the YAML in which people edit a connection's settings: a preset and what
// differs from it, in words, each line with its other values in a comment.
package settingsfile

import (
	"cmp"
	"slices"
	"strings"

	"github.com/duolog/duolog/domain/settings"
)

// Error lists everything that is wrong with a settings file, by line.
type Error struct {
	Faults []settings.Fault
}

func (e *Error) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// Parse reads a settings file into complete, valid settings: the preset, then what the file says. The version is
// left zero; basedOn is the version the file was made from, 0 when it does not say. The error is an *Error.
func Parse(data []byte) (s settings.Settings, basedOn int, err error) {
	root, fault := load(data)
	if fault != nil {
		return settings.Settings{}, 0, &Error{Faults: []settings.Fault{*fault}}
	}
	p := &parser{lines: map[string]int{}}
	p.preset(root)
	p.defaults(root)
	p.mapping("", root, p.keys())
	p.finish()
	if len(p.faults) > 0 {
		return settings.Settings{}, 0, &Error{Faults: p.faults}
	}
	return p.s.Sorted(), p.basedOn, nil
}

// parser fills settings from the nodes of a file and remembers where each path stands.
type parser struct {
	s       settings.Settings
	basedOn int
	lines   map[string]int
	faults  []settings.Fault
}

// finish adds what is wrong with the settings as such, gives each fault its line and sorts them by it.
func (p *parser) finish() {
	for _, f := range p.s.Validate() {
		// A path that could not be read holds its preset value: what is wrong is already said.
		if !slices.ContainsFunc(p.faults, func(o settings.Fault) bool { return o.Field == f.Field }) {
			f.Line = p.line(f.Field)
			p.faults = append(p.faults, f)
		}
	}
	slices.SortStableFunc(p.faults, func(a, b settings.Fault) int { return cmp.Compare(a.Line, b.Line) })
}

// line returns where a path stands, or the nearest path above it.
func (p *parser) line(path string) int {
	for path != "" {
		if n, ok := p.lines[path]; ok {
			return n
		}
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
	return 1
}

func (p *parser) fault(path string, line int, found, wanted, fix string) {
	p.faults = append(p.faults, settings.Fault{Field: path, Found: found, Wanted: wanted, Fix: fix, Line: line})
}
