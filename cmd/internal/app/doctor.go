package app

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/duolog/duolog/adapters/aloware"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// Finding is one thing the doctor looked at.
type Finding struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Warning: nothing is wrong yet, and something should be done all the same.
	Warning bool `json:"warning,omitempty"`

	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

// Doctor looks at database, credentials, mapping, webhooks and outbox, and says what to do about what is wrong.
func (a *App) Doctor(ctx context.Context) ([]Finding, error) {
	e, err := a.engine(ctx)
	if err != nil {
		return nil, err
	}
	head, err := a.Log.Head(ctx)
	if err != nil {
		return nil, err
	}
	out := []Finding{{Name: "database", OK: true, Detail: fmt.Sprintf("%s, %d events", a.Database(), head.Position)}}
	protection, err := a.protection(ctx)
	if err != nil {
		return nil, err
	}
	keeping, err := a.keeping(ctx)
	if err != nil {
		return nil, err
	}
	out = append(out, protection, keeping)
	out = append(out, e.credentials(ctx)...)
	out = append(out, e.mapping(ctx)...)
	hooks, err := a.hookFindings(ctx)
	if err != nil {
		return nil, err
	}
	out = append(out, hooks...)
	s, err := a.Status(ctx)
	if err != nil {
		return nil, err
	}
	out = append(out, gateFindings(s, a.now())...)
	if words := nativeWords(*e.control.Load()); words != "" && !slices.Contains(s.Needs, words) {
		out = append(out, Finding{Name: "native integration", OK: true, Detail: words})
	}
	policy, err := a.policyInForce(ctx)
	if err != nil {
		return nil, err
	}
	missing, err := a.unsubscribed(ctx, policy)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 && policy.Sources.HubSpot != settings.SourcePoll {
		out = append(out, Finding{
			Name: "subscriptions", Detail: "HubSpot's app is not subscribed to " + strings.Join(missing, ", ") + ": changes arrive by sweep, late",
			Fix: "duolog connect hubspot --app-dir DIR writes the app anew; then upload it",
		})
	}
	for _, n := range s.Needs {
		out = append(out, Finding{Name: "needs you", Detail: n})
	}
	return append(out, Finding{
		Name: "subscriptions", OK: true,
		Detail: "HubSpot must send contact.creation, deletion, merge, restore and propertyChange of: " +
			strings.Join(subscriptions(e.control.Load().Settings), ", ") + " (duolog connect hubspot --app-dir DIR writes them)",
	}), nil
}

func (e *engine) credentials(ctx context.Context) []Finding {
	var out []Finding
	for _, s := range domain.Systems {
		f := Finding{Name: s.Title() + " credential"}
		id, err := e.systems[s].Identify(ctx)
		switch {
		case err != nil:
			f.Detail, f.Fix = err.Error(), "check the address and the token of "+s.Title()
		case id == "":
			f.OK, f.Detail = true, "works"
		default:
			f.OK, f.Detail = true, "works, account "+id
		}
		out = append(out, f)
	}
	return out
}

func (e *engine) mapping(ctx context.Context) []Finding {
	s := e.control.Load().Settings
	if s.Version == 0 {
		s, _ = settings.Preset(settings.PresetDefault)
	}
	h, err := e.systems[domain.HubSpot].Schema(ctx)
	if err != nil {
		return []Finding{{Name: "mapping", Detail: "not checked: HubSpot's properties could not be read", Fix: err.Error()}}
	}
	var out []Finding
	shown := e.control.Load().Shown
	for _, f := range s.CheckSchema(h, withShown(aloware.Documented(), shown)) {
		out = append(out, Finding{Name: "mapping of " + f.Field, Detail: "found " + f.Found + ", wanted " + f.Wanted, Fix: f.Fix})
	}
	if len(out) == 0 {
		out = append(out, Finding{Name: "mapping", OK: true, Detail: fmt.Sprintf("%d fields fit both systems", len(s.Fields))})
	}
	return append(out, Finding{Name: "mapping in Aloware", OK: true, Detail: knownInAloware(s, shown)})
}

// knownInAloware says how each field is known to exist there: Aloware cannot be asked.
func knownInAloware(s settings.Settings, shown map[string]int64) string {
	var seen, never []string
	for _, f := range s.Fields {
		if n := shown[f.Aloware.Read]; n > 0 {
			seen = append(seen, fmt.Sprintf("%s on %d", f.Name, n))
		} else {
			never = append(never, f.Name)
		}
	}
	text := "it lists none; declared by its documentation"
	if len(seen) > 0 {
		text += "; seen on contacts: " + strings.Join(seen, ", ")
	}
	if len(never) > 0 {
		text += "; never seen: " + strings.Join(never, ", ")
	}
	return text
}

// hookFindings sums up rejected deliveries by reason: a wrong URL or secret must not look like silence.
func (a *App) hookFindings(ctx context.Context) ([]Finding, error) {
	lines, err := a.Rejected(ctx, 200)
	if err != nil {
		return nil, err
	}
	reasons := map[string]int{}
	for _, l := range lines {
		reasons[l.System.Title()+": "+l.Reason]++
	}
	if len(reasons) == 0 {
		return []Finding{{Name: "webhooks", OK: true, Detail: "none rejected"}}, nil
	}
	names := make([]string, 0, len(reasons))
	for r := range reasons {
		names = append(names, r)
	}
	sort.Strings(names)
	var out []Finding
	for _, r := range names {
		out = append(out, Finding{
			Name: "webhooks", Detail: fmt.Sprintf("%s (%d times)", r, reasons[r]), Fix: "duolog webhooks rejected",
		})
	}
	return out, nil
}
