package httpapi

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/duolog/duolog/domain"
)

// Payload members that say what happened and to which record, and never what a person's values are. A member not
// listed here does not leave without the right to read values, so one added later is withheld until someone looks.
var (
	factIDs = []string{"via", "complete", "clock", "merged", "primary", "answer", "vendor"}
	actIDs  = []string{
		"mode", "open", "field", "contact", "command", "counts", "name", "max_writes_per_hour", "portal", "account",
		"demo", "version",
	}
	payloadIDs = map[string][]string{
		domain.SourceRaw: {"system", "reason"},
		domain.CommandSettled: {
			"command", "contact", "kind", "system", "record", "result", "attempt", "attempts", "clock", "complete",
			"created", "unneeded", "reason", "existing", "by",
		},
		domain.DecisionMade: {
			"planner", "settings", "mode", "input", "trigger", "contact", "considered", "links", "aliases", "head",
			"whole", "fields", "commands",
		},
		domain.RecordCreated: factIDs, domain.RecordUpdated: factIDs, domain.RecordDeleted: factIDs,
		domain.RecordRestored: factIDs, domain.RecordMerged: factIDs, domain.RecordObserved: factIDs,
		domain.RecordAbsent: factIDs, domain.RecordSuppressed: factIDs,
		domain.ActivityObserved: {"via", "kind", "id", "clock", "at", "direction", "seconds", "user", "vendor"},
		domain.CatalogObserved:  {"system", "catalog", "id", "via", "clock", "gone"},

		domain.ConnectionOpened: actIDs, domain.SettingsChanged: actIDs, domain.ModeChanged: actIDs,
		domain.SyncPaused: actIDs, domain.SyncResumed: actIDs, domain.GateChanged: actIDs,
		domain.BaselineCompleted: actIDs, domain.OperationStarted: actIDs, domain.OperationFinished: actIDs,
		domain.CommandRetried: actIDs, domain.CommandDiscarded: actIDs, domain.PlannerRetried: actIDs,
		domain.SweepCompleted: actIDs,
	}
)

// idsOf returns what of a payload may be read without the right to read values, with the names of the properties
// that changed or were sent in "property_names".
func idsOf(kind string, data []byte) []byte {
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
	for _, member := range []string{"properties", "sent"} {
		if names := propertyNames(all[member]); names != nil {
			out["property_names"] = names
		}
	}
	masked, _ := json.Marshal(out) // raw messages that were just parsed
	return masked
}

func propertyNames(values json.RawMessage) json.RawMessage {
	var named map[string]json.RawMessage
	if json.Unmarshal(values, &named) != nil || len(named) == 0 {
		return nil
	}
	names, _ := json.Marshal(slices.Sorted(maps.Keys(named)))
	return names
}
