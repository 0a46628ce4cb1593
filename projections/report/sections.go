package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

func versionWord(version int) string { return fmt.Sprintf("v%d", version) }

func (b *book) summarySection() Section {
	t := Table{Key: "summary", Columns: []string{"what", "count"}}
	add := func(what string, n int64) { t.Rows = append(t.Rows, []any{what, n}) }
	add("facts taken in", b.facts.total())
	add("decisions made", b.decisions.total())
	add("writes into Aloware", b.writes.sum(string(domain.Aloware)))
	add("writes into HubSpot", b.writes.sum(string(domain.HubSpot)))
	add("values not sent", b.fields.total())
	add("duplicates prevented", b.preventedBy().total())
	look := Table{Key: "look", Title: "Three numbers to look at", Columns: []string{"what", "count"}, Rows: [][]any{
		{"held for a person", b.held()},
		{"writes refused, withdrawn or given up", b.unsettled.total()},
		{"changes no webhook told, found by sweeps", b.drift()},
	}}
	return Section{Key: "summary", Title: "Summary", Tables: []Table{t, look}}
}

// held counts what waits for a person, as the status does: also what the other system cannot take.
func (b *book) held() (n int64) {
	for _, r := range []planner.Result{planner.HeldBack, planner.Impossible} {
		n += b.fields.sum(string(r)) + b.wholes.sum(string(r))
	}
	return n
}

func (b *book) drift() (n int64) {
	for _, s := range b.sweeps {
		n += s.drift
	}
	return n
}

func (b *book) changesSection() Section {
	s := Section{Key: "changes", Title: "Changes in force"}
	changed := b.of(domain.SettingsChanged, domain.ModeChanged)
	if len(changed) == 0 {
		s.Notes = []string{"Settings and mode were not changed."}
	}
	t := Table{Key: "changed", Title: "Settings and mode", Columns: []string{"position", "at", "by", "what", "reason", "changes"}}
	for _, a := range changed {
		what := "mode " + string(a.Mode)
		if a.version > 0 {
			what = "settings " + versionWord(a.version)
		}
		t.Rows = append(t.Rows, []any{Position(a.position), a.at, a.by, what, a.Reason, changeWords(a)})
	}
	s.Tables = filled(append([]Table{t, b.decisions.table("decisions", "Decisions by settings in force", "settings")}, b.effectTables()...)...)
	if b.Effects == nil && slices.ContainsFunc(changed, func(a act) bool { return a.version > 1 }) {
		s.Notes = append(s.Notes, "Which decisions came out differently was not asked: duolog settings impact VERSION says it.")
	}
	return s
}

// changeWords says what new settings changed; a first version says so.
func changeWords(a act) string {
	const most = 5
	if a.version == 1 {
		return "the first"
	}
	var words []string
	for i, c := range a.changes {
		if i == most {
			words = append(words, fmt.Sprintf("and %d more", len(a.changes)-most))
			break
		}
		words = append(words, c.String())
	}
	return strings.Join(words, "; ")
}

func (b *book) volumeSection() Section {
	s := Section{Key: "volume", Title: "Volume"}
	s.Tables = filled(b.facts.table("facts", "Facts", "system", "event", "via", "source"),
		b.writes.table("writes", "Writes carried out", "into", "kind"))
	made := b.writes.sum(string(domain.Aloware), domain.KindCreate)
	s.Notes = []string{fmt.Sprintf("Aloware looked up %d new numbers (LRN), $%.3f at the price in the settings.", made, b.price)}
	return s
}

func (b *book) unsentSection() Section {
	return Section{
		Key: "not_sent", Title: "Not sent", Notes: []string{
			"Counted per decision: a value that was decided on twice counts twice.",
		}, Tables: filled(b.fields.table("fields", "Values", "result", "rule", "field"),
			b.wholes.table("contacts", "Contacts", "result", "rule", "into"),
			b.unsettled.table("writes", "Writes that were not carried out", "into", "result", "reason")),
	}
}

func (b *book) consentSection() Section {
	s := Section{Key: "consent", Title: "Consent"}
	t := Table{Key: "stops", Title: "Stops", Columns: []string{"into", "decided", "delivered", "slowest (s)"}}
	for _, system := range slices.Sorted(maps.Keys(b.consent)) {
		d := b.consent[system]
		t.Rows = append(t.Rows, []any{system, d.decided, d.delivered, fmt.Sprintf("%.1f", d.slowest.Seconds())})
	}
	lifts := Table{Key: "lifts", Title: "Lifts settled by a person", Columns: []string{"position", "at", "by", "contact", "field", "verdict", "reason"}}
	for _, a := range b.of(domain.ReviewSettled) {
		if f, ok := b.settings.Field(a.Field); ok && f.Sticky() {
			lifts.Rows = append(lifts.Rows, []any{Position(a.position), a.at, a.by, a.Contact.String(), a.Field, a.Verdict, a.Reason})
		}
	}
	if s.Tables = filled(t, lifts); len(s.Tables) == 0 {
		s.Notes = []string{"No stop was sent and none was lifted."}
	}
	return s
}

func (b *book) privacySection() Section {
	s := Section{Key: "privacy", Title: "Privacy"}
	t := listed("acts", "Erasures, holds, and copies given to who asked", b.of(domain.SubjectErased, domain.SubjectLifted, domain.SubjectHeld,
		domain.SubjectReleased))
	for _, a := range b.of(domain.ExportMade) {
		if a.Contact != (ulid.ULID{}) {
			t.Rows = append(t.Rows, a.row())
		}
	}
	returned := int64(0)
	for k, n := range b.facts {
		if k[1] == domain.RecordSuppressed {
			returned += n
		}
	}
	held := Table{Key: "holds", Title: "Legal holds in force at the end", Columns: []string{"contact", "since", "position", "by", "reason"}}
	for _, a := range b.holds {
		held.Rows = append(held.Rows, []any{a.Contact.String(), a.at, Position(a.position), a.by, a.Reason})
	}
	s.Tables = filled(t, held)
	s.Notes = []string{fmt.Sprintf("People who were erased and came back, and were not let in: %d.", returned)}
	return s
}

func (b *book) reliabilitySection() Section {
	s := Section{Key: "reliability", Title: "Reliability"}
	sweeps := Table{Key: "sweeps", Title: "What sweeps found that no webhook told", Columns: []string{"system", "sweeps", "records looked at", "drift", "failed"}}
	for _, system := range slices.Sorted(maps.Keys(b.sweeps)) {
		w := b.sweeps[system]
		sweeps.Rows = append(sweeps.Rows, []any{system, w.sweeps, w.looked, w.drift, w.failed})
	}
	retries := Table{Key: "retries", Title: "Sending", Columns: []string{"into", "commands settled", "attempts", "sent again"}}
	for _, system := range slices.Sorted(maps.Keys(b.retries)) {
		r := b.retries[system]
		retries.Rows = append(retries.Rows, []any{system, r.settled, r.attempts, r.again})
	}
	s.Tables = filled(sweeps, retries, b.lagTable(), listed("stops", "Pauses, gates and dead letters", b.of(domain.SyncPaused, domain.SyncResumed, domain.GateChanged,
		domain.CommandRetried, domain.CommandDiscarded, domain.PlannerRetried)), listed("log", "The log itself", b.of("log.restored", "log.moved", domain.KeyRotated)))
	return s
}

func (b *book) proofSection() Section {
	p := b.Proof
	t := Table{Key: "proof", Columns: []string{"what", "is"}, Rows: [][]any{
		{"log", p.LogID}, {"generation", p.Generation}, {"first position", Position(b.From)}, {"last position", Position(b.Through)},
	}}
	s := Section{Key: "proof", Title: "Proof"}
	if p.Note == "" {
		s.Notes = []string{"No head was signed by the end of the period: duolog heads publish signs one, duolog serve does each minute."}
	} else {
		t.Rows = append(t.Rows, []any{"head speaks for", p.Sealed}, []any{"head signed", p.Signed}, []any{"head", p.Note})
		s.Notes = []string{"A head proves something when somebody else holds it: duolog heads publish prints it, and duolog verify --head " +
			"holds the log against it. Events given away by duolog export are checked by duolog verify-export."}
	}
	if p.Verified != "" {
		t.Rows = append(t.Rows, []any{"verify", p.Verified})
	}
	holders := b.holdersTable()
	if s.Tables = filled(t, holders); len(holders.Rows) == 0 {
		s.Notes = append(s.Notes, "As far as the log knows, nobody was given a head in this time: duolog heads publish --to WHO does.")
	}
	return s
}

// holdersTable lists who was given a head, by itself or in an export.
func (b *book) holdersTable() Table {
	t := Table{Key: "holders", Title: "Who holds the heads", Columns: []string{"position", "at", "by", "to", "head speaks for", "reason"}}
	for _, a := range b.of(domain.ExportMade) {
		if a.Export == nil || a.Export.Head == 0 {
			continue
		}
		to := a.Export.To
		if to == "" {
			to = "who has the export"
		}
		t.Rows = append(t.Rows, []any{Position(a.position), a.at, a.by, to, a.Export.Head, a.Reason})
	}
	return t
}

// listed shows acts one by one.
func listed(key, title string, acts []act) Table {
	t := Table{Key: key, Title: title, Columns: []string{"position", "at", "by", "act", "about", "reason"}}
	for _, a := range acts {
		t.Rows = append(t.Rows, a.row())
	}
	return t
}

func (a act) row() []any {
	return []any{Position(a.position), a.at, a.by, a.kind, a.about(), a.Reason}
}

// latest is the later of two moments.
func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
