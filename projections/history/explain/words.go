package explain

import (
	"slices"
	"strings"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// words are what is said of a result or a rule, and the cause it stands for.
type words struct {
	cause Cause
	says  string
}

// results hold the words of each result the planner knows, and of how commands end.
var results = map[planner.Result]words{
	planner.Sent:       {OnItsWay, "send it to {to}"},
	planner.Echo:       {Same, "{to} told back what Duolog wrote: an echo"},
	planner.Unchanged:  {Same, "nothing changed"},
	planner.Agreed:     {Same, "both sides hold the same"},
	planner.Stale:      {Stale, "older than what was known: stored, without effect"},
	planner.Blocked:    {Direction, "not sent: a direction does not allow it"},
	planner.Kept:       {FirstValue, "both sides stay as they are"},
	planner.LostIt:     {LostOne, "a value lost a conflict"},
	planner.Invalid:    {Invalid, "not sent: the value is not one {to} could hold"},
	planner.Refused:    {Refused, "{to} refused it"},
	planner.HeldBack:   {Review, "held for a person, nothing sent"},
	planner.Withheld:   {Observe, "withheld, nothing sent"},
	planner.Impossible: {Impossible, "not sent: it is impossible there"},
	planner.Waiting:    {Asking, "it waits"},
	planner.Creating:   {OnItsWay, "make the contact in {to}"},
	planner.LinkedUp:   {Same, "the records are one contact"},
	planner.OutOfScope: {Excluded, "it takes no part"},
	planner.Gone:       {Gone, "the record was deleted"},
	planner.Restored:   {Same, "the record came back after it was deleted"},
	planner.Absorbing:  {Gone, "the record was absorbed by a merge"},
	planner.Looking:    {Asking, "{to} is asked first whether the person is there"},
	planner.Reading:    {Asking, "the record is read first"},
	planner.Parked:     {Parked, "it could not be decided"},
	planner.Parted:     {Alone, "the records were parted"},
	planner.Skipped:    {Undecided, "left out by an operation"},
	planner.Erased:     {Erased, "the person was erased"},
	planner.Lifted:     {Same, "the erasure no longer keeps the person out"},
	planner.Undone:     {Person, "put back to what it was"},

	domain.ResultDiscarded:  {Discarded, "the write was discarded"},
	domain.ResultWithdrawn:  {OnItsWay, "the write was taken back unsent and is planned again"},
	domain.ResultSuperseded: {Same, "a later write took its place"},
	domain.ResultPartly:     {Refused, "{to} took the rest of the write"},
}

// rule is what a rule that begins with, or holds, a text means. {tail} stands for what comes after the text.
type rule struct {
	text  string
	cause Cause // empty: the result's
	says  string
	holds bool // anywhere in the rule
}

// rules hold the words of each rule of the planner; of those that fit, the longest counts.
var rules = []rule{
	{" is " + string(settings.Both), Direction, "the field itself flows both ways", true},
	{" is " + string(settings.ToAloware), Direction, "the field itself flows to Aloware only (to_aloware)", true},
	{" is " + string(settings.ToHubSpot), Direction, "the field itself flows to HubSpot only (to_hubspot)", true},
	{"contacts.update = ", Direction, "contacts.update = {tail}", false},
	{"contacts.create = ", Direction, "new contacts are not made in {to} (contacts.create = {tail})", false},
	{"contacts.create_from", Excluded, "contacts of this source have no counterpart made (contacts.create_from{tail})", false},
	{"contacts.only", Filter, "outside the filter of who takes part (contacts.only)", false},
	{"blank = keep", Blank, "an emptied value empties nothing on the other side (blank = keep)", false},
	{"overwrite = never", Overwrite, "{to}'s value is never written over (overwrite = never)", false},
	{"overwrite = if_blank", Overwrite, "only a blank is filled, and {to} holds a value (overwrite = if_blank)", false},
	{"Aloware cannot change a phone", Impossible, "Aloware finds a contact by its phone; its API would make a second one", false},
	{"initial = ", "", "the two had no common past, so the first-value rule speaks (initial = {tail})", false},
	{"conflict = ", "", "both sides changed it: a conflict (conflict = {tail})", false},
	{"only ", "", "both sides changed it, and values flow {tail} only", false},
	{"fills a blank", "", "it fills a blank", false},
	{"own late write", "", "a write of Duolog's landed late, so the present value is sent again", false},
	{"an earlier write", "", "an earlier write of Duolog's ended there", false},
	{"written over before it was known", "", "a write of Duolog's went over it before that was known", false},
	{"ours went over it, and it is written again", "", "a write of Duolog's landed late over it, and it is on its way back", false},
	{"told while our write is on its way", "", "told while Duolog's write is on its way, whose answer will show", false},
	{"Aloware is asked first", "", "what Aloware told last may be an old value, so it is asked first", false},
	{"taken back unsent", "", "the write before was taken back unsent", false},
	{"tried again", "", "what was refused may be taken now", false},
	{"no longer held", "", "what held it back is over", false},
	{"withdrawn", "", "a write was taken back unsent", false},
	{"same on both sides", "", "the same on both sides", false},
	{"a newer value was seen", Stale, "a newer value was seen before", false},
	{"with the new contact", "", "with the new contact", false},
	{"placeholder", "", "a placeholder stands for a name nobody knows; it is no value to send back", false},
	{"match writes nothing", Matched, "a match links and writes nothing", false},
	{"changed since the plan was made", "", "it changed since the plan was made", false},
	{"erased for good", Erased, "the person was erased, and is let in again by an act alone", false},
	{"let in again", "", "a person let them in again", false},
	{"something is on its way", OnItsWay, "something was on its way there", false},
	{"was to be put back, and was not", "", "it was to be put back and was not: plan it again", false},
	{"what it was before is not known", "", "what it was before is not known", false},
	{"consent is not put back", Consent, "consent is never put back", false},
	{"was empty before, and Aloware cannot be emptied", Impossible, "it was empty before, and Aloware cannot be emptied", false},
	{"put back as it was", Person, "an undo put it back; the other side's value is not sent again until it changes", false},
	{"contacts became one", "", "two contacts became one", false},
	{"a person's word", Person, "a person said so", false},
	{"left so by a person", Person, "a person left both as they are", false},
	{"excluded by a person", Excluded, "a person took the contact out", false},
	{"parted by a person", Alone, "a person said these are two people", false},
	{"consent = sticky: a stop", Consent, "a stop goes through whatever else is ruled (consent = sticky)", false},
	{"consent = sticky: a lift waits for a person", Consent, "lifting a stop waits for a person (consent = sticky)", false},
	{"not taken there", Refused, "{to} took the write and shows something else", false},
	{"not a valid value", Invalid, "not a valid value", false},
	{"gate: ", Gate, "the mapping does not fit: {tail}", false},
	{"gate shut", Gate, "the gate of the whole sync is shut", false},
	{"guard: ", Guard, "the guard {tail} stopped it", false},
	{"paused", Paused, "the sync was paused", false},
	{"no settings yet", Off, "no settings were applied yet", false},
	{"mode = off", Off, "the mode was off", false},
	{"mode = observe", Observe, "the mode was observe", false},
	{"mode = pilot: not in its filter", Pilot, "the contact is not in the pilot's filter", false},
	{"mode = pilot: at most so many writes an hour", Pilot, "the pilot's writes of the hour were used up", false},
	{"going live sends nothing retroactively", Standing, "it stood so before the sync went live", false},
	{"counterpart deleted", Gone, "its counterpart was deleted, and nobody is made anew", false},
	{"on_delete = ", Gone, "on_delete = {tail}", false},
	{"deletion reported", Asking, "a deletion was reported and is looked up", false},
	{"first sight", Asking, "seen for the first time", false},
	{"no baseline yet", Asking, "not everybody there is known yet", false},
	{"created", Same, "with the record just made", false},
	{"merge", Same, "by a merge", false},
	{"takes part again", Same, "it takes part again", false},
	{"error", Parked, "an error stopped the decision", false},
	{"phone shared, emails differ", Review, "somebody with another email has the same phone", false},
	{"no usable ", Excluded, "no usable {tail}, without which {to} cannot hold a contact", false},
	{" shared with ", Excluded, "the other system keeps people apart by it, and {tail} has the same", true},

	// How a write ended.
	{domain.ReasonExists, Refused, "a record with this key exists already", false},
	{domain.ReasonMoved, Refused, "another record, or none, stands behind the number the record is found by", false},
	{domain.ReasonChanged, OnItsWay, "it was changed there meanwhile, so it is planned again", false},
	{domain.ReasonInvalid, Refused, "{to} does not take this value", false},
	{domain.ReasonGone, Gone, "the record is not there any more", false},
	{domain.ReasonImpossible, Impossible, "{to}'s API cannot do it", false},
	{domain.ReasonFailed, DeadLetter, "tries ran out", false},
	{domain.ReasonPerson, Discarded, "a person discarded it", false},
}

// find returns the words of the rule.
func find(text string) (rule, string, bool) {
	best, tail, found := rule{}, "", false
	for _, r := range rules {
		var after string
		ok := false
		if r.holds {
			_, after, ok = strings.Cut(text, r.text)
		} else {
			after, ok = strings.CutPrefix(text, r.text)
		}
		if ok && (!found || len(r.text) > len(best.text)) {
			best, tail, found = r, after, true
		}
	}
	return best, tail, found
}

// means puts a result and its rule into a cause and words. A rule that has none is its own words: a system's, or those
// of a value that does not fit.
func means(result planner.Result, ruled string) words {
	w, known := results[result]
	if !known {
		w = words{Undecided, string(result)}
	}
	if ruled == "" {
		return w
	}
	r, tail, ok := find(ruled)
	if !ok {
		w.says += ": " + ruled
		return w
	}
	if r.cause != "" && !weightless(result) {
		w.cause = r.cause
	}
	w.says += ": " + strings.ReplaceAll(r.says, "{tail}", tail)
	return w
}

// weightless results say what they are whatever the rule.
func weightless(result planner.Result) bool {
	return slices.Contains([]planner.Result{planner.Sent, planner.Echo, planner.Unchanged, planner.Agreed}, result)
}
