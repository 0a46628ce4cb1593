package settings

import "github.com/duolog/duolog/domain"

// Ways to match a record with a contact.
const (
	MatchLink      = "link"
	MatchUniqueKey = "unique_key"
	MatchEmail     = "email"
	MatchPhone     = "phone"
)

// What a deletion in one system does.
const (
	OnDeleteIgnore = "ignore"
	OnDeleteUnlink = "unlink"
)

// What a fault of the mapping switches off.
const (
	GateField = "field"
	GateSync  = "sync"
)

// What happens when a system suddenly looks empty.
const (
	EmptiedPause  = "pause"
	EmptiedIgnore = "ignore"
)

// The words each setting may hold, in the order people are shown.
var (
	Modes          = words(domain.ModeOff, domain.ModeObserve, domain.ModePilot, domain.ModeLive)
	Directions     = words(Both, ToAloware, ToHubSpot)
	SyncDirections = words(Both, ToAloware)
	Conflicts      = words(HubSpotWins, AlowareWins, NewestWins, Review)
	Initials       = words(FillBlanks, HubSpotWins, AlowareWins, NewestWins, Review)
	Overwrites     = words(OverwriteAlways, OverwriteIfBlank, OverwriteNever)
	Blanks         = words(BlankKeep, BlankSend)
	Matches        = []string{MatchLink, MatchUniqueKey, MatchEmail, MatchPhone}
	OnDeletes      = []string{OnDeleteIgnore, OnDeleteUnlink}
	OnMerges       = []string{OnMergeFollow}
	WhenLeavings   = []string{LeavingKeepLink, LeavingUnlink}
	Gates          = []string{GateField, GateSync}
	EmptiedSides   = []string{EmptiedPause, EmptiedIgnore}
	HubSpotSources = []string{SourceWebhooks, SourcePoll}
	Consents       = []string{ConsentSticky}
	OnChanges      = []string{OnChangeHold}
	Types          = words(domain.Text, domain.Number, domain.Date, domain.Datetime, domain.Bool, domain.Enumeration,
		domain.Phone, domain.Email, domain.Owner)
)

func words[T ~string](ws ...T) []string {
	out := make([]string, len(ws))
	for i, w := range ws {
		out[i] = string(w)
	}
	return out
}
