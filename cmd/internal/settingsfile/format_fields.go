package settingsfile

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// maxFlow is how long a line {a: b, c: d} may get before it becomes a block.
const maxFlow = 90

// pair is a key of a field's block; its value is ready for YAML.
type pair struct {
	key, value string
}

func (w *writer) fields(s settings.Settings) {
	w.key(0, "fields", "", "Aloware field: HubSpot property (short form), or a block")
	// Preset names that are not known were refused; here an unknown one has no fields to fall back on.
	preset, _ := settings.Preset(s.Preset)
	for _, f := range s.Fields {
		base, ok := preset.Field(f.Name)
		if !ok {
			base = s.NewField(f.Name, "")
		}
		w.field(f, pairs(f, base, s))
	}
	for _, base := range preset.Fields {
		if _, ok := s.Field(base.Name); !ok {
			w.key(1, scalar(base.Name), removed, "in the preset, not mapped here")
		}
	}
}

func (w *writer) field(f settings.Field, ps []pair) {
	comment := ""
	switch {
	case f.Locked:
		comment = "locked: cannot be removed"
	case f.Aloware.Read != f.Aloware.Write:
		comment = "Aloware's two names for one field"
	case f.Sticky():
		comment = "a stop goes both ways at once and wins; lifting one waits for you"
	case f.Type == domain.Owner:
		comment = "people are matched by email"
	}
	flow := make([]string, len(ps))
	for i, p := range ps {
		flow[i] = p.key + ": " + p.value
	}
	line := "{" + strings.Join(flow, ", ") + "}"
	switch {
	case len(ps) == 1:
		w.key(1, scalar(f.Name), ps[0].value, comment)
	case len(line) <= maxFlow:
		w.key(1, scalar(f.Name), line, comment)
	default:
		w.key(1, scalar(f.Name), "", comment)
		for _, p := range ps {
			w.key(2, p.key, p.value, "")
		}
	}
}

// pairs lists the keys a field needs: its property, and whatever is not as plain lines or the preset have it.
func pairs(f, base settings.Field, s settings.Settings) []pair {
	plain := s.NewField(f.Name, "")
	ps := []pair{{"hubspot", scalar(f.HubSpot.Read)}}
	add := func(key, value, plain, base string) {
		if value != plain || value != base {
			ps = append(ps, pair{key, scalar(value)})
		}
	}
	if f.Aloware.Read == f.Aloware.Write && f.Aloware.Read != base.Aloware.Read && f.Aloware.Write != base.Aloware.Write {
		ps = append(ps, pair{"aloware", scalar(f.Aloware.Read)})
	} else {
		add("read_as", f.Aloware.Read, plain.Aloware.Read, base.Aloware.Read)
		add("write_as", f.Aloware.Write, plain.Aloware.Write, base.Aloware.Write)
	}
	add("type", string(f.Type), string(plain.Type), string(base.Type))
	if f.Required || base.Required {
		ps = append(ps, pair{"required", strconv.FormatBool(f.Required)})
	}
	d := plain.Rules
	add("direction", string(f.Direction), string(d.Direction), string(d.Direction))
	add("conflict", string(f.Conflict), string(d.Conflict), string(d.Conflict))
	add("initial", string(f.Initial), string(d.Initial), string(d.Initial))
	add("overwrite", string(f.Overwrite), string(d.Overwrite), string(d.Overwrite))
	add("blank", string(f.Blank), string(d.Blank), string(d.Blank))
	add("hubspot_format", f.HubSpot.Format, "", base.HubSpot.Format)
	add("aloware_format", f.Aloware.Format, "", base.Aloware.Format)
	add("hubspot_zone", f.HubSpot.Zone, "", base.HubSpot.Zone)
	add("aloware_zone", f.Aloware.Zone, "", base.Aloware.Zone)
	add("nobody", f.Nobody, "", base.Nobody)
	add("consent", f.Consent, "", base.Consent)
	add("stop", f.Stop, "", base.Stop)
	if f.OnChange != base.OnChange {
		ps = append(ps, pair{"on_change", scalar(f.OnChange)})
	}
	if f.Guard {
		ps = append(ps, pair{"guard", "true"})
	}
	switch {
	case f.ByLabel:
		ps = append(ps, pair{"values", byLabel})
	case f.Type == domain.Enumeration && len(f.Values) > 0:
		ps = append(ps, pair{"values", table(f.Values)})
	}
	if len(f.People) > 0 {
		ps = append(ps, pair{"people", table(f.People)})
	}
	return ps
}

func table(values map[string]string) string {
	var items []string
	for _, from := range slices.Sorted(maps.Keys(values)) {
		items = append(items, scalar(from)+": "+scalar(values[from]))
	}
	return "{" + strings.Join(items, ", ") + "}"
}

var plainScalar = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_/+.@-]*( [A-Za-z0-9_/+-]+)*$`)

// scalar returns a text as YAML: as it is where that reads back as the same text, in double quotes otherwise.
func scalar(s string) string {
	n := yaml.Node{Kind: yaml.ScalarNode, Value: s}
	if plainScalar.MatchString(s) && s != removed && n.ShortTag() == "!!str" {
		return s
	}
	return quoted(s)
}

// quoted escapes what is not printable: YAML's double quotes know every escape Go writes.
func quoted(s string) string { return strconv.Quote(strings.ToValidUTF8(s, "\uFFFD")) }
