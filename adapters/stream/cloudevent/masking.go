package cloudevent

import (
	"encoding/json"
	"maps"
	"slices"
	"unicode"

	"github.com/duolog/duolog/domain"
)

// Payload members that say what happened and to which record, and never what a person's values are. A member not
// listed here does not leave without the right to read values, so one added later is withheld until someone looks.
var (
	factIDs = []string{"via", "complete", "clock", "merged", "primary", "answer", "vendor"}
	actIDs  = []string{
		"mode", "open", "field", "contact", "command", "counts", "name", "max_writes_per_hour", "portal", "account",
		"demo", "version", "verdict", "records", "from", "guard",
		"key", "export", "subjects", "cause",
	}
	payloadIDs = map[string][]string{
		domain.SourceRaw: {"system", "reason"},
		domain.CommandSettled: {
			"command", "contact", "kind", "system", "record", "result", "attempt", "attempts", "clock", "complete",
			"created", "unneeded", "reason", "existing", "by",
		},
		domain.DecisionMade: {
			"planner", "settings", "mode", "at", "input", "trigger", "contact", "considered", "links", "aliases", "head",
			"whole", "fields", "commands", "counts", "guard", "operation",
		},
		domain.RecordCreated: factIDs, domain.RecordUpdated: factIDs, domain.RecordDeleted: factIDs,
		domain.RecordRestored: factIDs, domain.RecordMerged: factIDs, domain.RecordObserved: factIDs,
		domain.RecordAbsent: factIDs, domain.RecordSuppressed: factIDs,
		domain.ActivityObserved: {"via", "kind", "id", "clock", "at", "direction", "seconds", "user", "vendor"},
		domain.CatalogObserved:  {"system", "catalog", "id", "via", "clock", "gone"},

		domain.ConnectionOpened: actIDs, domain.SettingsChanged: actIDs, domain.ModeChanged: actIDs,
		domain.SyncPaused: actIDs, domain.SyncResumed: actIDs, domain.GateChanged: actIDs,
		domain.BaselineCompleted: actIDs, domain.OperationStarted: actIDs, domain.OperationFinished: actIDs,
		domain.OperationPaused: actIDs, domain.OperationResumed: actIDs, domain.OperationCancelled: actIDs, domain.PlanDiscarded: actIDs,
		domain.PlanMade: {
			"number", "name", "toward", "field", "contact", "operation", "settings", "through", "rows", "digest", "watch", "counts", "why",
			"cost", "seconds", "undo", "repair",
		},
		domain.PlanApplied: {"name", "toward", "field", "operation", "plan", "first", "rows", "watch"},
		domain.KeyRotated:  actIDs, domain.ExportMade: actIDs, domain.LogRestored: actIDs, domain.LogMoved: actIDs,
		domain.AccessMade:     {"access"},
		domain.CommandRetried: actIDs, domain.CommandDiscarded: actIDs, domain.PlannerRetried: actIDs,
		domain.SweepCompleted: actIDs, domain.ReviewSettled: actIDs, domain.DuplicateResolved: actIDs,
		domain.SubjectErased: actIDs, domain.SubjectLifted: actIDs, domain.SubjectHeld: actIDs, domain.SubjectReleased: actIDs,
		domain.SchemaObserved: {"system", "clock", "digest"},

		changedType: {"contact", "what", "source", "record", "records", "input"},
	}
	nulls = map[string][]string{domain.SourceRaw: {"body"}, domain.SettingsChanged: {"settings"}}
)

// Nulls are the members of a payload that are null where others that hold values are absent, when those are withheld:
// its schema says that they are always there.
func Nulls(kind string) []string { return nulls[kind] }

// changedType is the event of the view of net changes, whose fields hold values before and after.
const changedType = "contact.changed"

// idsOf returns what of a payload may be read without the right to read values, with the names of the properties
// that changed or were sent in "property_names".
func idsOf(kind string, data []byte) []byte { return withheldOf(kind, data, false) }

// maskedOf is idsOf with every value cut down to a hint.
func maskedOf(kind string, data []byte) []byte { return withheldOf(kind, data, true) }

func withheldOf(kind string, data []byte, hints bool) []byte {
	var all map[string]json.RawMessage
	if json.Unmarshal(data, &all) != nil {
		return []byte("{}")
	}
	out := make(map[string]json.RawMessage, len(all))
	for _, name := range payloadIDs[kind] {
		if v, ok := all[name]; ok {
			out[name] = v
		}
	}
	for _, name := range nulls[kind] {
		out[name] = json.RawMessage("null")
	}
	for _, member := range []string{"properties", "sent"} {
		if names := propertyNames(all[member]); names != nil {
			out["property_names"] = names
		}
	}
	for _, member := range []string{"properties", "sent", "shows"} {
		if values := hintsOf(all[member]); hints && values != nil {
			out[member] = values
		}
	}
	if kind == changedType {
		changedOf(all["fields"], out, hints)
	}
	masked, _ := json.Marshal(out) // raw messages that were just parsed
	return masked
}

// changedOf is withheldOf for the fields of a change.
func changedOf(fields json.RawMessage, out map[string]json.RawMessage, hints bool) {
	if names := propertyNames(fields); names != nil {
		out["property_names"] = names
	}
	var changes map[string]map[string]any
	if !hints || json.Unmarshal(fields, &changes) != nil || len(changes) == 0 {
		return
	}
	for _, c := range changes {
		for _, side := range []string{"before", "after"} {
			c[side] = Hint(c[side])
		}
	}
	out["fields"], _ = json.Marshal(changes) // what was just parsed
}

// hintsOf cuts each value down to a hint.
func hintsOf(values json.RawMessage) json.RawMessage {
	var named map[string]any
	if json.Unmarshal(values, &named) != nil || len(named) == 0 {
		return nil
	}
	for name, v := range named {
		named[name] = Hint(v)
	}
	out, _ := json.Marshal(named)
	return out
}

// Hint cuts a value down: to its first letter or, of a number or phone, its last two digits.
func Hint(v any) any {
	const rest = "…"
	switch v := v.(type) {
	case nil, bool:
		return v
	case string:
		text := []rune(v)
		switch {
		case len(text) == 0:
			return v
		case len(text) < 3:
			return rest
		case unicode.IsDigit(text[len(text)-1]) && unicode.IsDigit(text[len(text)-2]):
			return rest + string(text[len(text)-2:])
		}
		return string(text[:1]) + rest
	}
	return rest
}

func propertyNames(values json.RawMessage) json.RawMessage {
	var named map[string]json.RawMessage
	if json.Unmarshal(values, &named) != nil || len(named) == 0 {
		return nil
	}
	names, _ := json.Marshal(slices.Sorted(maps.Keys(named)))
	return names
}
