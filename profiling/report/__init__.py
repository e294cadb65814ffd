"""The report: one HTML file that shows what a build found, and why."""

from profiling.report.crops import crop_faces
from profiling.report.data import CROP, MAX_FACES, ClusterStory, ReportData, Unresolved, UserStory
from profiling.report.render import render_generation, render_report, render_user, script, style_sheet
from profiling.report.stories import choose_faces, choose_unresolved, choose_users, tell_unresolved, tell_user

__all__ = [
    "CROP",
    "MAX_FACES",
    "ClusterStory",
    "ReportData",
    "Unresolved",
    "UserStory",
    "choose_faces",
    "choose_unresolved",
    "choose_users",
    "crop_faces",
    "render_generation",
    "render_report",
    "render_user",
    "script",
    "style_sheet",
    "tell_unresolved",
    "tell_user",
]
