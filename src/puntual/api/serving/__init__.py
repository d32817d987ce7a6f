"""What a worker holds: the champion, the timetable and the shadow."""
