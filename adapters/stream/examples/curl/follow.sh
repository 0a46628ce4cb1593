#!/bin/sh
# usage: follow.sh URL TOKEN FOLDER [QUERY]
#
# Follows a connection's events with curl alone and appends each, as a line of JSON, to FOLDER/events. Its checkpoint is
# FOLDER/checkpoint: stop it and start it again, or let the network or the server go away, and it goes on where it was.
# An event may come twice, with the same id, when it was stopped between writing and remembering.
#
#     follow.sh http://127.0.0.1:8080 demo /tmp/contacts 'view=contacts'
set -u
url=$1 token=$2 folder=$3 query=${4:-}
mkdir -p "$folder"

while :; do
	id=$(cat "$folder/checkpoint" 2>/dev/null)
	curl -sN -D "$folder/head" -H "Authorization: Bearer $token" -H 'Accept: text/event-stream' \
		${id:+-H "Last-Event-ID: $id"} "$url/v1/connections/default/events?$query" |
		while IFS= read -r line; do
			case $line in
			'event: '*) event=${line#event: } ;;
			'id: '*) id=${line#id: } ;;
			'data: '*) data=${line#data: } ;;
			'') # the end of a message
				[ "${event:-}" = position ] || [ -z "${data:-}" ] || printf '%s\n' "$data" >>"$folder/events"
				[ -z "$id" ] || { printf '%s' "$id" >"$folder/next" && mv "$folder/next" "$folder/checkpoint"; }
				event='' data=''
				;;
			esac
		done
	case $(head -n 1 "$folder/head" 2>/dev/null) in
	*' 4'*) # a wrong token, or a checkpoint of another log: the answer says where to go on
		curl -s -H "Authorization: Bearer $token" "$url/v1/connections/default/events?limit=1&after=$id" >&2
		exit 1
		;;
	esac
	sleep 1
done
