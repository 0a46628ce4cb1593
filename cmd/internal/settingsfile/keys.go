package settingsfile

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// find returns the value of a key at the top, nil without one.
func find(root *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == key {
			return root.Content[i+1]
		}
	}
	return nil
}

// preset fills in the preset, wherever in the file it stands: everything else differs from it.
func (p *parser) preset(root *yaml.Node) {
	name := settings.PresetDefault
	if n := find(root, "preset"); n != nil && n.Kind == yaml.ScalarNode {
		name = n.Value
	}
	s, err := settings.Preset(name)
	if err != nil {
		// The handler of the key keeps the bad name, and Validate refuses it.
		s, _ = settings.Preset(settings.PresetDefault)
	}
	p.s = s
}

// defaults reads the section of that name ahead of the fields, which all start from it.
func (p *parser) defaults(root *yaml.Node) {
	if n := find(root, "defaults"); n != nil {
		keys := p.rules(&p.s.Defaults)
		keys["record"] = p.record(&p.s.Record)
		p.mapping("defaults", n, keys)
	}
	for i := range p.s.Fields {
		p.s.Fields[i].Rules = p.s.Defaults
	}
}

func (p *parser) keys() map[string]handler {
	s := &p.s
	return map[string]handler{
		"based_on":     p.number(&p.basedOn, ""),
		"preset":       text(p, &s.Preset),
		"mode":         text(p, &s.Mode),
		"time_zone":    text(p, &s.TimeZone),
		"phone_region": text(p, &s.PhoneRegion),
		"gate":         text(p, &s.Gate),
		"defaults":     func(string, *yaml.Node) {},
		"fields":       p.fields,
		"pilot": p.section(map[string]handler{
			"filter":              text(p, &s.Pilot.Filter),
			"max_writes_per_hour": p.number(&s.Pilot.MaxWritesPerHour, ""),
		}),
		"contacts": p.section(p.contacts(&s.Contacts)),
		"guards": p.section(map[string]handler{
			"max_changed_share": p.number(&s.Guards.MaxChangedShare, "%"),
			"max_deleted_share": p.number(&s.Guards.MaxDeletedShare, "%"),
			"emptied_side":      text(p, &s.Guards.EmptiedSide),
		}),
		"limits": p.section(map[string]handler{
			"hubspot_share":      p.number(&s.Limits.HubSpotShare, "%"),
			"aloware_per_second": p.decimal(&s.Limits.AlowarePerSecond, ""),
			"big_jobs":           text(p, &s.Limits.BigJobs),
		}),
		"cost": p.section(map[string]handler{"lrn_per_number_usd": p.decimal(&s.Cost.LRNPerNumberUSD, "")}),
		"sources": p.section(map[string]handler{
			"hubspot":     text(p, &s.Sources.HubSpot),
			"sweep_every": text(p, &s.Sources.SweepEvery),
		}),
		"catalogs": p.section(map[string]handler{
			"refresh_at":           text(p, &s.Catalogs.RefreshAt),
			"log_calls_to_hubspot": p.boolean(&s.Catalogs.LogCallsToHubSpot),
		}),
		"review_mapping_every": text(p, &s.ReviewMappingEvery),
	}
}

func (p *parser) contacts(c *settings.Contacts) map[string]handler {
	from := map[string]handler{}
	for _, source := range domain.Sources {
		from[string(source)] = func(path string, n *yaml.Node) {
			allowed := c.CreatesFrom(source)
			p.boolean(&allowed)(path, n)
			c.CreateFrom[source] = allowed
		}
	}
	return map[string]handler{
		"create":      p.direction(&c.Create),
		"update":      p.direction(&c.Update),
		"create_from": p.section(from),
		"on_create": p.section(map[string]handler{
			"hubspot": p.onCreate(&c.OnCreate),
			"aloware": p.table(&c.OnCreate.Aloware),
		}),
		"only":          text(p, &c.Only),
		"when_leaving":  text(p, &c.WhenLeaving),
		"match":         p.list(&c.Match),
		"on_delete":     text(p, &c.OnDelete),
		"on_merge":      text(p, &c.OnMerge),
		"privacy_delay": text(p, &c.PrivacyDelay),
		"unread_for":    text(p, &c.UnreadFor),
	}
}

// onCreate reads the values of new contacts in HubSpot, of which the marketing flag is no property.
func (p *parser) onCreate(o *settings.OnCreate) handler {
	return func(path string, n *yaml.Node) {
		p.table(&o.HubSpot)(path, n)
		o.Marketing = nil
		if _, ok := o.HubSpot[marketing]; !ok {
			return
		}
		delete(o.HubSpot, marketing)
		if len(o.HubSpot) == 0 {
			o.HubSpot = nil
		}
		var flag bool
		p.boolean(&flag)(path+"."+marketing, find(n, marketing))
		o.Marketing = &flag
	}
}

// marketing is the key, among the values of new contacts in HubSpot, of the marketing flag.
const marketing = "marketing_contact"

// mapped is the word for a record of mapped fields only.
const mapped = "mapped"

func (p *parser) record(to *[]string) handler {
	return func(path string, n *yaml.Node) {
		if n.Kind == yaml.SequenceNode {
			p.list(to)(path, n)
			return
		}
		v, ok := p.scalar(path, n, "mapped, or a list of properties of HubSpot")
		switch {
		case !ok:
		case v == mapped:
			*to = nil
		default:
			*to = []string{v} // Validate knows which word it is
		}
	}
}

func (p *parser) section(keys map[string]handler) handler {
	return func(path string, n *yaml.Node) { p.mapping(path, n, keys) }
}

func (p *parser) rules(r *settings.Rules) map[string]handler {
	return map[string]handler{
		"direction": p.direction(&r.Direction),
		"conflict":  text(p, &r.Conflict),
		"initial":   text(p, &r.Initial),
		"overwrite": text(p, &r.Overwrite),
		"blank":     text(p, &r.Blank),
	}
}

func (p *parser) fields(path string, n *yaml.Node) {
	p.each(path, n, func(key, value *yaml.Node, at string) {
		if strings.Contains(key.Value, ".") {
			p.fault(at, key.Line, "a name with a dot", "the name of a field", "")
			return
		}
		p.field(at, key.Value, value)
	})
}

// removed is what stands, without quotes, for a field of the preset that is not mapped.
const removed = "remove"

// field reads one line of the mapping: a HubSpot property, a block, or nothing to remove the field.
func (p *parser) field(path, name string, n *yaml.Node) {
	i := slices.IndexFunc(p.s.Fields, func(f settings.Field) bool { return f.Name == name })
	if isNull(n) || n.Kind == yaml.ScalarNode && n.Value == removed && n.Style == 0 {
		if i < 0 {
			p.fault(path, n.Line, "nothing", "a HubSpot property", "it is not mapped: remove the line")
			return
		}
		p.s.Fields = slices.Delete(p.s.Fields, i, i+1)
		return
	}
	f := p.s.NewField(name, "")
	if i >= 0 {
		f = p.s.Fields[i]
	}
	if n.Kind == yaml.ScalarNode {
		f.HubSpot.Read = n.Value
	} else {
		p.block(path, n, &f)
	}
	f.HubSpot.Write = f.HubSpot.Read
	if f.HubSpot.Read == "" {
		p.fault(path+".hubspot", n.Line, "nothing", "a HubSpot property", "add hubspot: NAME")
	}
	if i < 0 {
		p.s.Fields = append(p.s.Fields, f)
		return
	}
	p.s.Fields[i] = f
}

// block reads a field written as keys. The key aloware stands for read_as and write_as, which may then correct it,
// in whatever order they are written.
func (p *parser) block(path string, n *yaml.Node, f *settings.Field) {
	if name := find(n, "aloware"); name != nil && name.Kind == yaml.ScalarNode {
		f.Aloware.Read, f.Aloware.Write = name.Value, name.Value
	}
	var applied string
	keys := p.rules(&f.Rules)
	keys["aloware"] = text(p, &applied)
	keys["hubspot"] = text(p, &f.HubSpot.Read)
	keys["type"] = text(p, &f.Type)
	keys["required"] = p.boolean(&f.Required)
	keys["read_as"] = text(p, &f.Aloware.Read)
	keys["write_as"] = text(p, &f.Aloware.Write)
	keys["hubspot_format"] = p.layout(&f.HubSpot.Format)
	keys["aloware_format"] = p.layout(&f.Aloware.Format)
	keys["hubspot_zone"] = text(p, &f.HubSpot.Zone)
	keys["aloware_zone"] = text(p, &f.Aloware.Zone)
	keys["values"] = p.values(f)
	keys["people"] = p.table(&f.People)
	keys["nobody"] = text(p, &f.Nobody)
	keys["consent"] = text(p, &f.Consent)
	keys["stop"] = text(p, &f.Stop)
	keys["on_change"] = text(p, &f.OnChange)
	keys["guard"] = p.boolean(&f.Guard)
	p.mapping(path, n, keys)
}

// byLabel is what stands for a table of values that have the same labels.
const byLabel = "by_label"

func (p *parser) values(f *settings.Field) handler {
	return func(path string, n *yaml.Node) {
		f.ByLabel = n.Kind == yaml.ScalarNode && n.Value == byLabel
		if f.ByLabel {
			f.Values = nil
			if f.Type == domain.Text {
				f.Type = domain.Enumeration
			}
			return
		}
		p.table(&f.Values)(path, n)
	}
}
