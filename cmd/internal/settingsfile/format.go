package settingsfile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/duolog/duolog/domain"
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
	w.defaults(s)
	w.gap()
	w.fields(s)
	w.gap()
	w.operations(s)
	return []byte(w.String())
}

// writer builds the file line by line.
type writer struct {
	strings.Builder
}

// comments begin at this column where the line leaves room.
const commentColumn = 29

func (w *writer) gap() { w.WriteByte('\n') }

// lineWidth is how wide a line with its comment may be; a comment that does not fit stands above it.
const lineWidth = 100

// key writes a line "key: value   # comment" at a depth of indentation.
func (w *writer) key(depth int, key, value, comment string) {
	indent := strings.Repeat("  ", depth)
	text := indent + key + ":"
	if value != "" {
		text += " " + value
	}
	if comment != "" {
		gap := max(commentColumn-len(text), 2)
		if utf8.RuneCountInString(text)+gap+2+utf8.RuneCountInString(comment) <= lineWidth {
			text += strings.Repeat(" ", gap) + "# " + comment
		} else {
			text = indent + "# " + comment + "\n" + text
		}
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
	w.key(1, "create_from", "", "whose contacts may be made on the other side, if create allows")
	for _, source := range domain.Sources {
		w.key(2, string(source), strconv.FormatBool(c.CreatesFrom(source)), about[source])
	}
	w.key(1, "on_create", "", "written once, with a new contact; {source} is one of the words above")
	w.onCreate(c.OnCreate)
	w.key(1, "only", scalar(c.Only), "who takes part at all, such as: email is known; empty: everyone")
	w.key(1, "when_leaving", scalar(c.WhenLeaving), "no longer matches only: keep_link (nothing flows) | unlink")
	w.key(1, "match", flow(c.Match), "in this order; several candidates wait for you")
	w.key(1, "on_delete", scalar(c.OnDelete), bars(settings.OnDeletes)+".  Never deletes by itself")
	w.key(1, "on_merge", scalar(c.OnMerge), bars(settings.OnMerges))
	w.key(1, "privacy_delay", scalar(c.PrivacyDelay), "who HubSpot deletes on request is erased here after it; duolog hold stops that")
	w.key(1, "unread_for", scalar(c.UnreadFor), "a body nobody could read, and whose record is not known, cannot be read after it either")
}

// about says what a source is where its name does not.
var about = map[domain.Source]string{
	domain.FromHubSpot:   "made in HubSpot: makes a contact in Aloware",
	domain.TypedIn:       "by a person in Aloware; these make contacts in HubSpot",
	domain.AnsweredCall:  "or one that a user made",
	domain.MissedCall:    "nobody spoke",
	domain.UnknownCaller: "no name or email is known; the call or text must be allowed, too",
	domain.OtherSource:   "another integration, or not told",
}

func (w *writer) onCreate(o settings.OnCreate) {
	if len(o.HubSpot) == 0 && o.Marketing == nil {
		w.key(2, "hubspot", "{}", "such as: {duolog_created_by: \"aloware:{source}\"}")
	} else {
		w.key(2, "hubspot", "", "")
		w.values(3, o.HubSpot)
		if o.Marketing != nil {
			w.key(3, marketing, strconv.FormatBool(*o.Marketing), "HubSpot bills marketing contacts")
		}
	}
	if len(o.Aloware) == 0 {
		w.key(2, "aloware", "{}", "")
		return
	}
	w.key(2, "aloware", "", "")
	w.values(3, o.Aloware)
}

func (w *writer) values(depth int, values map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		w.key(depth, scalar(name), scalar(values[name]), "")
	}
}

func (w *writer) defaults(s settings.Settings) {
	r := s.Defaults
	w.key(0, "defaults", "", "for every field that does not say otherwise")
	w.key(1, "direction", scalar(string(r.Direction)), bars(settings.Directions))
	w.key(1, "conflict", scalar(string(r.Conflict)),
		"both changed: hubspot | aloware | review; newest for single fields")
	w.key(1, "initial", scalar(string(r.Initial)), "first link, new field: fill_blanks | hubspot | aloware | review")
	w.key(1, "overwrite", scalar(string(r.Overwrite)), bars(settings.Overwrites))
	w.key(1, "blank", scalar(string(r.Blank)), "keep: an emptied value does not empty the other side | send")
	record := mapped
	if len(s.Record) > 0 {
		record = flow(s.Record)
	}
	w.key(1, "record", record, "or a list of HubSpot's properties that are kept as well: [a, b]")
}

func flow(words []string) string {
	out := make([]string, len(words))
	for i, word := range words {
		out[i] = scalar(word)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func bars(words []string) string { return strings.Join(words, " | ") }
