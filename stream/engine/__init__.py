"""The pure rooms, in the order of the flow: arrive, clean, detect, segment, rhythm, alarms."""
