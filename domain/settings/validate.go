package settings

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"

	"github.com/duolog/duolog/domain"
)

// maxAlowareRate bounds the requests a second: Aloware documents no limit, and a token is shared with people.
const maxAlowareRate = 1000

// Validate returns what is wrong with the settings in themselves, nothing when they can be applied. Whether the
// mapping fits the two systems is CheckSchema's question.
func (s Settings) Validate() []Fault {
	c := &checker{}
	s.checkGeneral(c)
	s.checkContacts(c)
	s.checkPeople(c)
	s.checkDefaults(c)
	s.checkPilot(c)
	s.checkRecord(c)
	s.checkOperations(c)
	for _, f := range s.Fields {
		f.check(c, s)
	}
	s.checkLocked(c)
	s.checkTwice(c)
	return c.faults
}

func (s Settings) checkGeneral(c *checker) {
	c.word("preset", s.Preset, Presets)
	c.word("mode", string(s.Mode), Modes)
	c.word("gate", s.Gate, Gates)
	if _, err := time.LoadLocation(s.TimeZone); err != nil || s.TimeZone == "" || s.TimeZone == "Local" {
		c.add("time_zone", s.TimeZone, "an IANA time zone", "write one such as America/Los_Angeles")
	}
	if !phonenumbers.GetSupportedRegions()[s.PhoneRegion] {
		c.add("phone_region", s.PhoneRegion, "a country as an ISO 3166 code", "write one such as US, in capitals")
	}
	s.Guards.check(c)
	if share := s.Limits.HubSpotShare; share < 1 || share > 100 {
		c.add("limits.hubspot_share", fmt.Sprint(share, " %"), "1 % to 100 %", "your other tools need the rest")
	}
	if r := s.Limits.AlowarePerSecond; math.IsNaN(r) || r <= 0 || r > maxAlowareRate {
		c.add("limits.aloware_per_second", fmt.Sprint(r), "more than 0, at most 1000", "2 is a careful value")
	}
}

func (g Guards) check(c *checker) {
	for _, share := range []struct {
		name  string
		value int
	}{{"guards.max_changed_share", g.MaxChangedShare}, {"guards.max_deleted_share", g.MaxDeletedShare}} {
		if share.value < 0 || share.value > 100 {
			c.add(share.name, fmt.Sprint(share.value, " %"), "0 % to 100 %", "5 % is a careful value, 0 % is no guard")
		}
	}
	c.word("guards.emptied_side", g.EmptiedSide, EmptiedSides)
}

func (s Settings) checkContacts(c *checker) {
	for _, sw := range []struct {
		name string
		d    Direction
	}{{"contacts.create", s.Contacts.Create}, {"contacts.update", s.Contacts.Update}} {
		if sw.d == ToHubSpot {
			c.add(sw.name, string(sw.d), oneOf(SyncDirections), "Aloware offers no sync in this direction alone")
			continue
		}
		c.word(sw.name, string(sw.d), SyncDirections)
	}
	c.word("contacts.on_delete", s.Contacts.OnDelete, OnDeletes)
	for i, way := range s.Contacts.Match {
		if !c.word("contacts.match", way, Matches) {
			continue
		}
		if slices.Contains(s.Contacts.Match[:i], way) {
			c.add("contacts.match", way+" twice", "each way once", "remove one")
		}
	}
	if len(s.Contacts.Match) == 0 || s.Contacts.Match[0] != MatchLink {
		c.add("contacts.match", strings.Join(s.Contacts.Match, ", "), "link first",
			"an existing link is never looked past: begin with link")
	}
}

func (s Settings) checkDefaults(c *checker) {
	s.Defaults.check(c, "defaults")
	for _, rule := range []struct {
		name string
		w    Winner
	}{{"defaults.conflict", s.Defaults.Conflict}, {"defaults.initial", s.Defaults.Initial}} {
		if rule.w == NewestWins {
			c.add(rule.name, string(NewestWins), "a rule that needs no clock",
				"Aloware tells no time of change: set newest only for single fields")
		}
	}
}

func (r Rules) check(c *checker, path string) {
	c.word(path+".direction", string(r.Direction), Directions)
	c.word(path+".conflict", string(r.Conflict), Conflicts)
	c.word(path+".initial", string(r.Initial), Initials)
	c.word(path+".overwrite", string(r.Overwrite), Overwrites)
	c.word(path+".blank", string(r.Blank), Blanks)
}

func (s Settings) checkPilot(c *checker) {
	s.checkFilter(c, "pilot.filter", s.Pilot.Filter)
	if s.Pilot.MaxWritesPerHour < 1 {
		c.add("pilot.max_writes_per_hour", fmt.Sprint(s.Pilot.MaxWritesPerHour), "at least 1",
			"mode observe sends nothing")
	}
}

func (s Settings) checkFilter(c *checker, path, text string) {
	if _, err := s.ParseFilter(text); err != nil {
		c.add(path, "an expression that cannot be read", "an expression such as city = Oakland", err.Error())
	}
}

// checkLocked makes sure that phone and email are mapped as the preset says: nobody can be found without them.
func (s Settings) checkLocked(c *checker) {
	for _, want := range mapping() {
		if !want.Locked {
			continue
		}
		path := "fields." + want.Name
		f, ok := s.Field(want.Name)
		switch {
		case !ok:
			c.add(path, "nothing", "the locked field", "put it back: it cannot be removed")
		case f.HubSpot != want.HubSpot || f.Aloware != want.Aloware || f.Type != want.Type || !f.Locked ||
			f.Required != want.Required:
			c.add(path, "another mapping", fmt.Sprintf("%s, type %s", want.HubSpot.Read, want.Type),
				"the field is locked: only its rules can be changed")
		}
	}
}

// checkTwice finds properties that are mapped by two fields.
func (s Settings) checkTwice(c *checker) {
	seen := map[string]string{}
	once := func(f Field, kind, property string) {
		key := kind + " " + property
		if other, taken := seen[key]; taken && other != f.Name {
			c.add("fields."+f.Name, property+", which "+other+" "+kind, "each property mapped once",
				"remove one of the two")
		}
		seen[key] = f.Name
	}
	for i, f := range s.Fields {
		if slices.ContainsFunc(s.Fields[:i], func(o Field) bool { return o.Name == f.Name }) {
			c.add("fields."+f.Name, f.Name+" twice", "each field once", "remove one of the two")
			continue
		}
		once(f, "maps in HubSpot", f.HubSpot.Read)
		once(f, "reads in Aloware", f.Aloware.Read)
		once(f, "writes in Aloware", f.Aloware.Write)
	}
}

// wins reports whether the rule lets a system win that the directions never let write.
func (s Settings) wins(f Field, w Winner) bool {
	winner, ok := w.Wins()
	if !ok || winner == domain.HubSpot {
		return false
	}
	d, ok := f.Direction.And(s.Contacts.Update)
	return ok && !d.Allows(domain.HubSpot)
}
