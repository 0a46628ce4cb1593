package settingsfile

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/duolog/duolog/domain/settings"
)

// Header says whose settings a file holds.
type Header struct {
	Connection string
	By         string    // who applied the version; empty: not said
	At         time.Time // when, shown in the settings' own zone; zero: not said
}

// Format writes settings as the file people edit. Parse reads it back to the same settings, but for the version,
// which it returns apart.
func Format(s settings.Settings, h Header) []byte {
	w := &writer{}
	w.header(s, h)
	if s.Version > 0 {
		w.key(0, "based_on", strconv.Itoa(s.Version), "apply is refused if someone applied another version since")
	}
	w.key(0, "preset", scalar(s.Preset), "what everything left out is taken from: "+bars(settings.Presets))
	w.gap()
	w.key(0, "mode", scalar(string(s.Mode)), "off | observe (decide, send nothing) | pilot | live")
	w.key(0, "pilot", "", "only read in mode pilot")
	w.key(1, "filter", scalar(s.Pilot.Filter), "such as: city = Oakland and email is known; empty: everyone")
	w.key(1, "max_writes_per_hour", strconv.Itoa(s.Pilot.MaxWritesPerHour), "")
	w.gap()
	w.key(0, "time_zone", scalar(s.TimeZone), "for every time you see, and for dates without a zone")
	w.key(0, "phone_region", scalar(s.PhoneRegion), "how (415) 555-0132 is read")
	w.gap()
	w.contacts(s.Contacts)
	w.gap()
	w.defaults(s.Defaults)
	w.gap()
	w.fields(s)
	w.gap()
	w.key(0, "guards", "", "the sync pauses itself; what comes is stored, and you say how to go on")
	w.key(1, "max_changed_share", strconv.Itoa(s.Guards.MaxChangedShare)+" %",
		"of all contacts written to within an hour; 0 %: no guard")
	w.key(1, "max_deleted_share", strconv.Itoa(s.Guards.MaxDeletedShare)+" %", "found deleted within an hour; 0 %: no guard")
	w.key(1, "emptied_side", scalar(s.Guards.EmptiedSide), bars(settings.EmptiedSides)+": a sweep finds a system next to empty")
	w.key(0, "gate", scalar(s.Gate), "what a fault of the mapping switches off: "+bars(settings.Gates))
	w.gap()
	w.key(0, "limits", "", "")
	w.key(1, "hubspot_share", strconv.Itoa(s.Limits.HubSpotShare)+" %",
		"of the portal's API limit; your other tools need the rest")
	w.key(1, "aloware_per_second", strconv.FormatFloat(s.Limits.AlowarePerSecond, 'g', -1, 64), "requests")
	return []byte(w.String())
}

// writer builds the file line by line.
type writer struct {
	strings.Builder
}

// comments begin at this column where the line leaves room.
const commentColumn = 29

func (w *writer) gap() { w.WriteByte('\n') }

// key writes a line "key: value   # comment" at a depth of indentation.
func (w *writer) key(depth int, key, value, comment string) {
	text := strings.Repeat("  ", depth) + key + ":"
	if value != "" {
		text += " " + value
	}
	if comment != "" {
		text += strings.Repeat(" ", max(commentColumn-len(text), 2)) + "# " + comment
	}
	w.WriteString(text + "\n")
}

func (w *writer) header(s settings.Settings, h Header) {
	title := "Duolog settings"
	if h.Connection != "" {
		title += fmt.Sprintf(" of connection %q", printable(h.Connection))
	}
	if s.Version > 0 {
		title += fmt.Sprintf(" · version %d", s.Version)
	}
	var applied []string
	if h.By != "" {
		applied = append(applied, printable(h.By))
	}
	if !h.At.IsZero() {
		applied = append(applied, h.At.In(s.Env().Zone).Format("Jan 2, 2006, 3:04 PM MST"))
	}
	if len(applied) > 0 {
		title += " · " + strings.Join(applied, ", ")
	}
	fmt.Fprintf(w, "# %s\n", title)
	w.WriteString("# Change it, then:  duolog settings apply settings.yaml     (says what changes, then asks)\n" +
		"# Directions are words: both (↔), to_aloware (←), to_hubspot (→); the arrows work as well.\n")
}

// printable keeps a comment on its line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}

func (w *writer) contacts(c settings.Contacts) {
	w.key(0, "contacts", "", "")
	w.key(1, "create", scalar(string(c.Create)), bars(settings.SyncDirections)+": HubSpot makes new people in Aloware")
	w.key(1, "update", scalar(string(c.Update)), bars(settings.SyncDirections)+"; a field must allow its direction too")
	match := make([]string, len(c.Match))
	for i, way := range c.Match {
		match[i] = scalar(way)
	}
	w.key(1, "match", "["+strings.Join(match, ", ")+"]", "in this order; several candidates wait for you")
	w.key(1, "on_delete", scalar(c.OnDelete), bars(settings.OnDeletes)+".  Never deletes by itself")
}

func (w *writer) defaults(r settings.Rules) {
	w.key(0, "defaults", "", "for every field that does not say otherwise")
	w.key(1, "direction", scalar(string(r.Direction)), bars(settings.Directions))
	w.key(1, "conflict", scalar(string(r.Conflict)),
		"both changed: hubspot | aloware | review; newest for single fields")
	w.key(1, "initial", scalar(string(r.Initial)), "first link, new field: fill_blanks | hubspot | aloware | review")
	w.key(1, "overwrite", scalar(string(r.Overwrite)), bars(settings.Overwrites))
	w.key(1, "blank", scalar(string(r.Blank)), "keep: an emptied value does not empty the other side | send")
}

func bars(words []string) string { return strings.Join(words, " | ") }
