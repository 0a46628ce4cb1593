package settingsfile

import (
	"strconv"

	"github.com/duolog/duolog/domain/settings"
)

// operations writes what goes on beside the sync itself.
func (w *writer) operations(s settings.Settings) {
	w.key(0, "gate", scalar(s.Gate), "what a fault of the mapping switches off: "+bars(settings.Gates))
	w.gap()
	w.key(0, "guards", "", "the sync pauses itself; what comes is stored, and you say how to go on")
	w.key(1, "max_changed_share", strconv.Itoa(s.Guards.MaxChangedShare)+" %",
		"of all contacts written to within an hour; 0 %: no guard")
	w.key(1, "max_deleted_share", strconv.Itoa(s.Guards.MaxDeletedShare)+" %", "found deleted within an hour; 0 %: no guard")
	w.key(1, "emptied_side", scalar(s.Guards.EmptiedSide), bars(settings.EmptiedSides)+": a sweep finds a system next to empty")
	w.gap()
	w.key(0, "limits", "", "")
	w.key(1, "hubspot_share", strconv.Itoa(s.Limits.HubSpotShare)+" %",
		"of the portal's API limit; your other tools need the rest")
	w.key(1, "aloware_per_second", decimal(s.Limits.AlowarePerSecond), "requests")
	w.key(1, "big_jobs", scalar(s.Limits.BigJobs), `push, pull, match, reconcile: "20:00-06:00"; empty: any time`)
	w.key(0, "cost", "", "")
	w.key(1, "lrn_per_number_usd", decimal(s.Cost.LRNPerNumberUSD), "what plans of a pull show")
	w.gap()
	w.key(0, "sources", "", "")
	w.key(1, "hubspot", scalar(s.Sources.HubSpot), bars(settings.HubSpotSources)+" (no public address needed)")
	w.key(1, "sweep_every", scalar(s.Sources.SweepEvery), "finds what webhooks missed; empty: never")
	w.key(0, "catalogs", "", "dispositions, owners, deals")
	w.key(1, "refresh_at", scalar(s.Catalogs.RefreshAt), "pulled each day, in the zone above; empty: only when asked")
	w.key(1, "log_calls_to_hubspot", strconv.FormatBool(s.Catalogs.LogCallsToHubSpot), "")
	w.gap()
	w.key(0, "review_mapping_every", scalar(s.ReviewMappingEvery), "when to look at the mapping again: duolog mapping check")
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
